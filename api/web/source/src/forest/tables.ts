// Stand table, fiscal years, coefficients and rules with whether their source was read.

import { type Child, h, table } from "../dom";
import { number, signed } from "../format";
import { bilingual, type Key, t } from "../language";
import { type Claim, NUMBERS, type NumberName, type Stand } from "./answers";

export const NAMES: Record<NumberName, Key> = {
  bef_young: "bef-young",
  bef_old: "bef-old",
  root_ratio: "root-ratio",
  wood_density: "wood-density",
  carbon_fraction: "carbon-fraction",
};

const figure = (value: number | null | undefined, digits: number) => (value === null || value === undefined ? "" : number(value, digits));

/** How far a value can be trusted; what nobody confirmed stands out. */
export function badge(status: string): HTMLElement {
  const known: Record<string, Key> = { confirmed: "confirmed", unconfirmed: "unconfirmed", example: "status-example" };
  const kind = status === "confirmed" ? "successful" : "doubtful";
  return h("span", { class: `badge ${kind}` }, known[status] ? t(known[status]) : status);
}

/** The stands; `go` shows one on the map. */
export function standTable(stands: Stand[], go: (id: string) => void): HTMLElement {
  const isClaimed = stands.some((one) => one.status !== undefined);
  const head = [t("stand"), t("species"), ...(isClaimed ? [t("age")] : []), t("area-ha"), t("n-stems"), t("height-upper"), t("height-mean"), t("canopy-cover"), t("volume-stems")];
  if (isClaimed) head.push(t("site-class"), t("net-co2"), t("standing"));
  head.push(t("notes"));
  const rows = stands.map((one): Child[] => [
    h("button", { type: "button", class: "quiet", "aria-label": t("show-stand", one.id), onclick: () => go(one.id) }, one.id),
    one.species,
    ...(isClaimed ? [one.site_class?.age ?? ""] : []),
    number(one.credited_area_ha ?? one.area_ha, 2),
    number(one.n_detected),
    figure(one.height_upper, 1),
    figure(one.height_mean, 1),
    one.canopy_cover === null ? "" : `${number(100 * one.canopy_cover)} %`,
    figure(one.volume_m3, 0),
    ...(isClaimed ? [one.site_class?.name ?? "", netOf(one), one.status ? t(one.status) : ""] : []),
    one.notes.map((note) => h("small", {}, bilingual(note))),
  ]);
  const numeric = isClaimed ? [2, 3, 4, 5, 6, 7, 8, 10] : [2, 3, 4, 5, 6, 7];
  return h("section", {}, h("h2", {}, t("stand-table")), table(t("stand-table"), head, rows, numeric));
}

function netOf(stand: Stand): Child {
  if (stand.net_t === null || stand.net_t === undefined) return "";
  const interval = stand.net_ci95_t;
  return [signed(stand.net_t, 1), interval && h("small", {}, `${number(interval[0], 1)} ${t("to")} ${number(interval[1], 1)}`)];
}

export function yearTable(claim: Claim): HTMLElement {
  const head = [t("fiscal-year"), t("absorption"), t("emission"), t("replanting"), t("buffer"), t("credit"), t("whole-tons")];
  const cells = (one: { absorption_t: number; emission_t: number; replanting_t: number; buffer_t: number; credit_t: number; whole_t: number }) => [
    number(one.absorption_t, 1), number(one.emission_t, 1), number(one.replanting_t, 1), number(one.buffer_t, 1), number(one.credit_t, 1), number(one.whole_t),
  ];
  const total = claim.total as unknown as Parameters<typeof cells>[0];
  const rows = claim.years.map((one) => [String(one.year), ...cells(one)]);
  return h("section", {}, h("h2", {}, t("years-table")), table(t("years-table"), head, [...rows, [h("strong", {}, t("sum")), ...cells(total)]], [1, 2, 3, 4, 5, 6]));
}

/** How many coefficients and rules of the claim nobody has confirmed. */
export function unconfirmed(claim: Claim): number {
  return [...claim.constants.species, ...claim.basis].filter((one) => one.status !== "confirmed").length;
}

export function coefficients(claim: Claim): HTMLElement {
  const { constants, yield_table: yields } = claim;
  const rows = constants.species.map((one): Child[] => [
    h("span", {}, one.species, h("small", {}, one.name_en)),
    ...NUMBERS.map((name) => String(one[name])),
    badge(one.status),
    h("small", {}, one.source),
  ]);
  const head = [t("species"), ...NUMBERS.map((name) => t(NAMES[name])), t("status-of"), t("constants-source")];
  const rules = claim.basis.map((one): Child[] => [bilingual(one), badge(one.status)]);
  const origin = (text: string, source: string, status: string) => h("p", {}, text, " ", badge(status), source && h("small", { class: "origin" }, t("source-of", source)));
  return h(
    "section",
    {},
    h("h2", {}, t("coefficients")),
    origin(t("coefficients-of", constants.name, constants.version), constants.source, constants.status),
    table(t("coefficients"), head, rows, [1, 2, 3, 4, 5]),
    origin(t("yield-of", yields.name, yields.version), yields.source, yields.status),
    h("details", {}, h("summary", {}, t("rules")), table(t("rules"), [t("rule"), t("status-of")], rules)),
  );
}
