// The tables of a volume: zones and total, patches, methods side by side, alignment.

import { type Child, h, table } from "./dom";
import { number, signed } from "./format";
import { bilingual, t } from "./language";
import { type Interval, printedNet, type VolumeResult, type Volumes } from "./volume";

/** A volume with its interval of 95 % below. */
function withInterval(value: number, interval: Interval | null, isSigned: boolean): Child {
  const write = isSigned ? signed : number;
  return [write(value), interval && h("small", {}, `${write(interval[0])} ${t("to")} ${write(interval[1])}`)];
}

function volumeCells(one: Volumes): Child[] {
  return [
    withInterval(one.cut_m3, one.cut_ci95_m3, false),
    withInterval(one.fill_m3, one.fill_ci95_m3, false),
    withInterval(printedNet(one), one.net_ci95_m3, true),
    number(one.area_m2),
    number(one.void_area_m2),
    one.level_of_detection_m === null ? "" : number(one.level_of_detection_m, 2),
  ];
}

export function zonesTable(result: VolumeResult): HTMLElement {
  const head = [t("zone-name"), t("cut"), t("fill"), t("net"), t("area"), t("void-area"), t("lod")];
  const rows = result.zones.map((zone) => [h("strong", {}, zone.name), ...volumeCells(zone)]);
  const total = [h("strong", {}, t("whole-area")), ...volumeCells(result.total)];
  return h(
    "section",
    {},
    h("h2", {}, t("zones")),
    table(t("zones"), head, [...rows, total], [1, 2, 3, 4, 5, 6]),
    h("p", { class: "hint" }, t("interval-note")),
    result.zones.length > 0 && h("p", { class: "hint" }, `${t("zones")}: ${bilingual(result.headline.zones)}`),
    h("p", { class: "hint" }, `${t("whole-area")}: ${bilingual(result.headline.total)}`),
  );
}

export function patchesTable(result: VolumeResult): HTMLElement | null {
  const patches = result.material?.patches ?? [];
  if (patches.length === 0) return null;
  const head = [t("patch"), t("kind"), t("volume"), t("area"), t("mean-depth"), t("largest-depth")];
  const rows = patches.map((patch) => [
    h("strong", {}, patch.name),
    t(patch.kind === "source" ? "source" : "deposit"),
    withInterval(patch.volume_m3, [Math.max(patch.volume_m3 - 1.96 * patch.sigma_m3, 0), patch.volume_m3 + 1.96 * patch.sigma_m3], false),
    number(patch.area_m2),
    number(patch.mean_depth_m, 2),
    number(patch.largest_depth_m, 2),
  ]);
  return h("section", {}, h("h2", {}, t("patches")), table(t("patches"), head, rows, [2, 3, 4, 5]));
}

export function methodsTables(result: VolumeResult): HTMLElement {
  const places = Object.entries(result.methods).map(([zone, methods]) => {
    const rows = Object.values(methods).map((one) => [
      h("span", {}, bilingual(one.title), h("small", {}, bilingual(one.why))),
      number(one.cut_m3),
      number(one.fill_m3),
      signed(one.net_m3),
      number(one.area_m2),
    ]);
    return h("div", {}, h("h3", {}, zone), table(`${t("methods")} ${zone}`, [t("method"), t("cut"), t("fill"), t("net"), t("area")], rows, [1, 2, 3, 4]));
  });
  return h("details", { class: "methods" }, h("summary", {}, t("methods")), places);
}

export function alignmentText(result: VolumeResult): HTMLElement {
  const { dx_m, dy_m, dz_m, sigma_m, applied, stable_area_m2, residual_before_m, residual_after_m, notes } = result.alignment;
  const shift = [dx_m, dy_m, dz_m];
  const isFound = shift.every((part) => typeof part === "number");
  const rows = [t("east"), t("north"), t("up")].map((name, place) => [
    name,
    signed(shift[place] ?? 0, 3),
    sigma_m ? number(sigma_m[place]!, 3) : "",
  ]);
  return h(
    "section",
    {},
    h("h2", {}, t("alignment")),
    h("p", {}, t(applied ? "aligned" : "not-aligned"), typeof stable_area_m2 === "number" && ` ${t("stable-area", number(stable_area_m2))}`),
    isFound && table(t("alignment"), [t("direction"), t("shift"), t("sigma")], rows, [1, 2]),
    typeof residual_before_m === "number" && typeof residual_after_m === "number" && h("p", { class: "hint" }, t("residual", number(residual_before_m, 3), number(residual_after_m, 3))),
    (notes ?? []).map((note) => h("p", { class: "warning" }, bilingual(note))),
  );
}
