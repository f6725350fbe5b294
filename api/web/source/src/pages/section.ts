// Sections: a line on the map, its profile through all epochs while it is dragged, then drawings.

import type { Process } from "../answers";
import { coordinates } from "../coordinates";
import { zoneOf } from "../crs";
import { fill, freshId, h } from "../dom";
import { labelled } from "../forms";
import { bilingual, t } from "../language";
import { openMap } from "../map/base";
import { drawing } from "../map/draw";
import type { Pair } from "../map/gauss";
import { addRaster } from "../map/layers";
import { onLine, placeAt, sectionMarks } from "../map/section";
import { type Cuts, MOST_CORNERS } from "../profile";
import { drawingButtons } from "../section_drawings";
import { type Found, sectionView, surfacesAlong } from "../section_chart";
import { jobsWithTerrain, type Surface, surfaces } from "../section_surfaces";
import { ask, messageOf } from "../service";

/** Rasters below the line, the lower first; only the first ones are shown at once. */
const BELOW = ["hillshade", "hillshade_after", "difference"];
/** Opacity of a difference, so that the relief is seen below it. */
const SEE_THROUGH = 0.6;

export async function show(main: HTMLElement, _: string[], query: URLSearchParams): Promise<() => void> {
  const [{ processes }, jobs] = await Promise.all([ask<{ processes: Process[] }>("processes"), jobsWithTerrain()]);
  const wanted = query.getAll("job");
  if (wanted.length === 0 && jobs[0]) wanted.push(jobs[0].jobID);
  if (wanted.length === 0) {
    fill(main, h("h1", {}, t("section-tool")), h("p", {}, t("no-terrain"), " ", h("a", { href: "#/order/terrain-model" }, t("make-terrain"))));
    return () => {};
  }
  const frame = h("div", { class: "map" });
  const readout = h("p", { class: "readout" });
  const panel = h("div", { class: "panel" });
  const below = h("div", { class: "section-below" });
  const mapFrame = h("div", { class: "map-frame" }, frame, readout);
  fill(main, h("h1", { class: "unseen" }, t("section-tool")), h("div", { class: "section-page" }, panel, mapFrame, below));
  main.classList.add("whole");
  const survey = await openMap(frame, readout);

  const shown = surfaces(jobs, processes, () => again());
  for (const job of wanted) await shown.add(job);
  const first = shown.all()[0];
  if (!first) throw new Error(t("no-rasters"));
  const zone = zoneOf(`EPSG:${first.layer.epsg}`);
  if (zone) survey.setZone(zone);
  survey.map.fitBounds(first.layer.bounds, { padding: 20, animate: false });
  const rasters = shown.jobs().flatMap((job) => shown.layers(job).map((layer) => ({ job, layer })));
  const rank = (path: string) => BELOW.indexOf(path.replace(/\.tif$/, ""));
  const sorted = [...rasters].sort((a, b) => rank(a.layer.path) - rank(b.layer.path));
  const mapLayers = sorted.map(({ job, layer }) => addRaster(survey.map, job, layer, rank(layer.path) >= 0, layer.ramp === "rdbu" ? SEE_THROUGH : 1)).reverse();

  const line = drawing(survey, "line", 1, (isMoving) => {
    if (!isMoving) typed.refresh();
    again();
  });
  const typed = coordinates(line, 1, () => again());
  const cuts = cutFields(() => again());
  const pair = pairFields(() => draw());
  const lengthwise = sectionView(t("profile"), (distance) => marks.cursor(distance === null || !points() ? null : placeAt(points()!, distance), line.zone()));
  const across = sectionView(t("cross-section"), (distance) => {
    const station = found?.profile?.stations[chosen];
    marks.cursor(distance === null || !station ? null : placeAt([station.left, station.right], distance), line.zone());
  });
  const crossPlace = h("section", { "aria-label": t("cross-section") });
  const profilePlace = h("section", { "aria-label": t("profile") }, h("p", {}, t("draw-first")));
  const trouble = h("p", { class: "problem", role: "alert" });
  const notes = h("div", { "aria-live": "polite" });
  const marks = sectionMarks(survey, (number) => choose(number));
  const points = (): Pair[] | null => line.shapes()[0]?.points ?? null;
  let found: Found | null = null;
  let chosen = 0;

  onLine(survey, () => (points() && !line.isDrawing() ? { points: points()!, zone: line.zone() } : null), (distance) => found && lengthwise.chart.point(distance));
  fill(panel, shown.element, h("h2", {}, t("section-line")), typed.element, h("h2", {}, t("stations")), cuts.element, drawingButtons(order), h("details", {}, h("summary", {}, t("map-layers")), h("ul", { class: "layers" }, mapLayers.map((one) => one.element))));
  fill(below, trouble, pair.element, profilePlace, notes, crossPlace);

  function order() {
    const own = points();
    const widths = cuts.read();
    return own === null || widths === null ? null : { jobs: [...new Set(shown.shown().map((one) => one.job))], points: own, zone: line.zone(), cuts: widths };
  }

  /** Asks anew; while an answer is awaited the last wish waits, so that a dragged line does not queue up. */
  let isAsking = false;
  let isStale = false;
  function again(): void {
    isStale = true;
    if (!isAsking) void follow();
  }
  async function follow(): Promise<void> {
    isAsking = true;
    while (isStale) {
      isStale = false;
      await look().catch((error: unknown) => (trouble.textContent = messageOf(error)));
    }
    isAsking = false;
  }
  async function look(): Promise<void> {
    const own = points();
    trouble.textContent = "";
    if (own === null) {
      found = null;
      marks.stations([], 0, line.zone());
      fill(profilePlace, h("p", {}, t("draw-first")));
      fill(notes);
      fill(crossPlace);
      return;
    }
    if (own.length > MOST_CORNERS) throw new Error(t("too-many-corners", own.length, MOST_CORNERS));
    pair.offer(shown.shown());
    found = await surfacesAlong(shown, own, line.zone(), cuts.read());
    keepAddress(shown.jobs(), own, line.zone());
    const stations = found.profile?.stations ?? [];
    chosen = Math.min(chosen, Math.max(stations.length - 1, 0));
    if (!lengthwise.element.isConnected) fill(profilePlace, lengthwise.element);
    draw();
    fill(notes, (found.profile?.notes ?? []).map((note) => h("p", { class: "warning" }, bilingual(note))));
    await lookAcross();
  }
  function draw(): void {
    if (found) lengthwise.show(found, pair.read(), 0, pair.enlarged());
    marks.stations(found?.profile?.stations ?? [], chosen, line.zone());
  }
  function choose(number: number): void {
    chosen = number;
    draw();
    void lookAcross().catch((error: unknown) => (trouble.textContent = messageOf(error)));
  }
  async function lookAcross(): Promise<void> {
    const stations = found?.profile?.stations ?? [];
    const station = stations[chosen];
    if (!station) return fill(crossPlace);
    const lines = await surfacesAlong(shown, [station.left, station.right], line.zone(), null);
    if (!across.element.isConnected) fill(crossPlace, h("div", { class: "station" }), across.element);
    const heading = crossPlace.querySelector(".station")!;
    const hadFocus = heading.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset.part : undefined;
    fill(heading, stationChoice(stations.map((one) => one.name), chosen, choose));
    heading.querySelector<HTMLElement>(`[data-part="${hadFocus}"]`)?.focus();
    across.show(lines, pair.read(), cuts.read()?.left ?? 0, pair.enlarged());
  }

  const given = lineOf(query);
  if (given) {
    line.setZone(given.zone);
    line.set([{ name: "1", points: given.points }]);
    typed.refresh();
  }
  again();
  return () => {
    main.classList.remove("whole");
    lengthwise.chart.leave();
    across.chart.leave();
    survey.leave();
  };
}

/** The address shows the same line to a colleague. */
function keepAddress(jobs: string[], points: Pair[], zone: number): void {
  const query = new URLSearchParams(jobs.map((job) => ["job", job]));
  query.set("zone", String(zone));
  query.set("line", points.map((point) => point.map((part) => part.toFixed(2)).join(",")).join(";"));
  history.replaceState(null, "", `#/section?${query.toString()}`);
}

function lineOf(query: URLSearchParams): { points: Pair[]; zone: number } | null {
  const zone = Number(query.get("zone"));
  const points = (query.get("line") ?? "").split(";").map((pair) => pair.split(",").map(Number));
  const isGood = zone >= 1 && zone <= 19 && points.length > 1 && points.every((pair) => pair.length === 2 && pair.every(Number.isFinite));
  return isGood ? { zone, points: points as Pair[] } : null;
}

/** Interval and widths of the stations. */
function cutFields(changed: () => void): { element: HTMLElement; read: () => Cuts | null } {
  const field = (label: string, value: number, least: number, most: number) => {
    const input = h("input", { type: "number", step: "any", min: least, max: most, value: String(value), required: true });
    input.addEventListener("change", changed);
    return { input, element: labelled(label, input) };
  };
  const fields = [field(t("interval"), 20, 0.1, 10_000), field(t("left-width"), 15, 0, 5000), field(t("right-width"), 15, 0, 5000)];
  const read = () => {
    if (!fields.every(({ input }) => input.reportValidity())) return null;
    const [interval, left, right] = fields.map(({ input }) => Number(input.value)) as [number, number, number];
    return { interval, left, right };
  };
  return { element: h("div", { class: "three" }, fields.map((one) => one.element)), read };
}

interface PairFields {
  element: HTMLElement;
  offer: (surfaces: Surface[]) => void;
  read: () => [Surface, Surface] | null;
  enlarged: () => number;
}

/** Between which two surfaces areas are taken, and how much heights are enlarged. */
function pairFields(changed: () => void): PairFields {
  let offered: Surface[] = [];
  const [early, late] = [h("select"), h("select")];
  const scale = h("select", {}, h("option", { value: 0 }, t("fit")), [1, 2, 5, 10].map((times) => h("option", { value: times }, `× ${times}`)));
  for (const select of [early, late, scale]) select.addEventListener("change", changed);
  const offer = (surfaces: Surface[]) => {
    if (surfaces.length === offered.length && surfaces.every((one, place) => one === offered[place])) return;
    const [oldEarly, oldLate] = [offered[Number(early.value)], offered[Number(late.value)]];
    offered = surfaces;
    for (const select of [early, late]) fill(select, surfaces.map((surface, place) => h("option", { value: place }, surface.name)));
    early.value = String(Math.max(surfaces.indexOf(oldEarly!), 0));
    late.value = String(oldLate && surfaces.includes(oldLate) && oldLate !== oldEarly ? surfaces.indexOf(oldLate) : surfaces.length - 1);
  };
  const read = (): [Surface, Surface] | null => {
    const [one, other] = [offered[Number(early.value)], offered[Number(late.value)]];
    return one && other && one !== other ? [one, other] : null;
  };
  return { element: h("div", { class: "pair" }, labelled(t("earlier"), early), labelled(t("later"), late), labelled(t("heights-scale"), scale)), offer, read, enlarged: () => Number(scale.value) };
}

function stationChoice(names: string[], chosen: number, choose: (number: number) => void): HTMLElement {
  const id = freshId();
  const select = h("select", { id, "data-part": "list" }, names.map((name, number) => h("option", { value: number }, name)));
  select.value = String(chosen);
  select.addEventListener("change", () => choose(Number(select.value)));
  const step = (by: number, part: string, label: string, sign: string) =>
    h("button", { type: "button", "data-part": part, "aria-label": label, disabled: !(chosen + by in names), onclick: () => choose(chosen + by) }, sign);
  return h("p", { class: "control" }, h("label", { for: id }, t("cross-section")), step(-1, "back", t("previous"), "◀"), select, step(1, "on", t("next"), "▶"));
}
