// Profiles of the section tool: fetched while the line moves, drawn with areas between two epochs.

import { profileChart, type Chart } from "./chart";
import { fill, h } from "./dom";
import { number } from "./format";
import { t } from "./language";
import type { Pair } from "./map/gauss";
import { between, type Cuts, type Profile, profileOf, type Series } from "./profile";
import type { Surface, Surfaces } from "./section_surfaces";

export interface Found {
  lines: { surface: Surface; series: Series; place: number }[];
  profile: Profile | null;
}

/** The shown surfaces along a line; every job is asked once. */
export async function surfacesAlong(surfaces: Surfaces, points: Pair[], zone: number, cuts: Cuts | null): Promise<Found> {
  const all = surfaces.all();
  const answers = await Promise.all(
    surfaces.jobs().map(async (job) => {
      const own = all.filter((surface) => surface.job === job && surface.isShown);
      return { own, profile: own.length > 0 ? await profileOf(job, own.map((surface) => surface.layer), points, zone, cuts) : null };
    }),
  );
  const lines = answers.flatMap(({ own, profile }) => (profile?.series ?? []).map((series, place) => ({ surface: own[place]!, series, place: all.indexOf(own[place]!) })));
  return { lines, profile: answers.find((answer) => answer.profile !== null)?.profile ?? null };
}

export interface View {
  element: HTMLElement;
  show: (found: Found, pair: [Surface, Surface] | null, zero: number, enlarged: number) => void;
  chart: Chart;
}

/** A chart with the areas of its pair below. */
export function sectionView(label: string, pointed: (distance: number | null) => void): View {
  const chart = profileChart(label, pointed);
  const areas = h("p", { class: "areas", role: "status" });
  const show = (found: Found, pair: [Surface, Surface] | null, zero: number, enlarged: number) => {
    const length = found.profile?.length_m ?? 0;
    const series = pair?.map((surface) => found.lines.find((line) => line.surface === surface)?.series);
    const both: [Series, Series] | null = series?.[0] && series[1] ? [series[0], series[1]] : null;
    const marks = zero === 0 ? (found.profile?.stations ?? []).map(({ distance_m, name }) => ({ at: distance_m, name: name.replace(/ \(.*\)$/, "") })) : [];
    chart.draw({ lines: found.lines.map(({ surface, series: own, place }) => ({ series: own, name: surface.name, place })), pair: both, marks, length, zero, enlarged });
    const isEmpty = found.lines.every((line) => line.series.height_m.every((height) => height === null));
    fill(areas, isEmpty ? h("span", { class: "problem" }, t("no-heights")) : both && areasText(both, length));
  };
  return { element: h("div", {}, chart.element, areas), show, chart };
}

function areasText(pair: [Series, Series], length: number): HTMLElement {
  const { cut_m2, fill_m2, covered_m } = between(...pair);
  return h(
    "span",
    {},
    `${t("areas-between")}: `,
    h("strong", { class: "cut" }, t("cut-area", number(cut_m2, 1))),
    " ",
    h("strong", { class: "fill" }, t("fill-area", number(fill_m2, 1))),
    h("small", {}, ` ${t("area-cover", number(length, 1), number(covered_m, 1))}`),
  );
}
