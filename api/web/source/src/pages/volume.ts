// Volume: the numbers with their intervals, the difference map, and everything to take away.

import { type Results } from "../answers";
import { zoneOf } from "../crs";
import { downloads } from "../downloads";
import { fill, freshId, h } from "../dom";
import { number, signed } from "../format";
import { bilingual, t } from "../language";
import { openMap, placeText } from "../map/base";
import type { Pair } from "../map/gauss";
import { addRaster, layersOf, type Shown } from "../map/layers";
import { addOutlines } from "../map/outlines";
import { beforeAfter } from "../map/swipe";
import { placeForm, valuesAt } from "../map/values";
import { ask, messageOf } from "../service";
import { type Interval, printedNet, type VolumeResult } from "../volume";
import { alignmentText, methodsTables, patchesTable, zonesTable } from "../volume_tables";

const FINEST_M = 0.01;
/** Opacity of the stable ground over the terrain. */
const SEE_THROUGH = 0.6;

export async function show(main: HTMLElement, parts: string[]): Promise<() => void> {
  const job = encodeURIComponent(parts[0] ?? "");
  const results = await ask<Results>(`jobs/${job}/results`);
  const result = results.summary.value as unknown as VolumeResult;
  if (result.schema !== "tengun/volume/1") throw new Error(t("no-volume"));
  const map = h("section", { class: "volume-map", "aria-label": t("difference-map") });
  fill(
    main,
    h("h1", {}, t("volume-result")),
    h("p", { class: "hint" }, t("job-number", parts[0] ?? ""), " · ", result.crs, " · ", t("cell", number(result.cell_m, 2)), " · ", h("a", { href: `#/job/${job}` }, t("to-job"))),
    headline(result),
    [...new Set(result.notes.map(bilingual))].map((note) => h("p", { class: "warning" }, note)),
    map,
    zonesTable(result),
    patchesTable(result),
    methodsTables(result),
    alignmentText(result),
    h("section", {}, h("h2", {}, t("files")), h("p", {}, h("button", { type: "button", onclick: () => window.print() }, t("print"))), downloads(job, results.outputs)),
  );
  return drawMap(map, job, result).catch((error: unknown) => {
    fill(map, h("p", { class: "problem", role: "alert" }, t("no-map", messageOf(error))));
    return () => {};
  });
}

function headline(result: VolumeResult): HTMLElement {
  const { total } = result;
  const figure = (name: string, value: string, interval: Interval | null, write: (value: number) => string, kind: string) =>
    h("div", { class: `figure ${kind}` }, h("dt", {}, name), h("dd", {}, h("strong", {}, value), " m³", interval && h("small", {}, `${t("ci95")} ${write(interval[0])} ${t("to")} ${write(interval[1])}`)));
  return h(
    "dl",
    { class: "figures", "aria-label": t("whole-area") },
    figure(t("cut-whole"), number(total.cut_m3), total.cut_ci95_m3, number, "cut"),
    figure(t("fill-whole"), number(total.fill_m3), total.fill_ci95_m3, number, "fill"),
    figure(t("net-whole"), signed(printedNet(total)), total.net_ci95_m3, signed, "net"),
  );
}

async function drawMap(place: HTMLElement, job: string, result: VolumeResult): Promise<() => void> {
  const frame = h("div", { class: "map" });
  const readout = h("p", { class: "readout" });
  const controls = h("div", { class: "controls" });
  const found = h("div", { "aria-live": "polite" });
  fill(place, controls, h("div", { class: "map-frame" }, frame, readout), found);
  const layers = await layersOf(job);
  const difference = layers.find((layer) => layer.path === "difference.tif");
  if (!difference) throw new Error(t("no-rasters"));
  const survey = await openMap(frame, readout);
  const zone = zoneOf(result.crs);
  if (zone) survey.setZone(zone);
  const swipe = await beforeAfter(survey.map, frame, job, layers);
  const shown = addRaster(survey.map, job, difference, true);
  const stable = layers.find((layer) => layer.path === "stable.tif");
  const others = stable ? [addRaster(survey.map, job, stable, false, SEE_THROUGH).element] : [];
  const show = (at: Pair) => {
    fill(found, h("h2", {}, t("values")), h("p", { class: "place" }, placeText(at, survey.zone())));
    valuesAt(job, at).then((element) => found.append(element), (error: unknown) => fill(found, h("p", { class: "problem", role: "alert" }, messageOf(error))));
  };
  fill(
    controls,
    detection(shown, result.total.level_of_detection_m ?? 0),
    swipe?.element,
    h("ul", { class: "layers" }, shown.element, others),
    h("p", { class: "actions" }, h("a", { class: "button", href: `#/section?job=${job}` }, t("cut-sections"))),
    h("p", { class: "hint" }, t("click-hint")),
    placeForm(survey, show),
  );
  await addOutlines(survey.map, job);
  survey.map.fitBounds(difference.bounds, { padding: 20, animate: false });
  survey.map.on("click", (event) => show(event.lngLat.toArray() as Pair));
  return () => {
    swipe?.leave();
    survey.leave();
  };
}

/** Change below this is not drawn; the volumes do not follow, they rest on the level of each cell. */
function detection(shown: Shown, start: number): HTMLElement {
  const id = freshId();
  const output = h("output", { for: id });
  const slider = h("input", { type: "range", id, min: 0, max: 1, step: FINEST_M, value: start.toFixed(2) });
  const write = () => (output.textContent = `${number(Number(slider.value), 2)} m`);
  slider.addEventListener("input", write);
  slider.addEventListener("change", () => shown.setLeast(Number(slider.value)));
  write();
  shown.setLeast(Number(slider.value));
  return h("div", { class: "slide" }, h("label", { for: id }, t("detection")), slider, output, h("p", { class: "hint" }, t("detection-help", number(start, 2))));
}
