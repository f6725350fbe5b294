// Map: where the data lie, the grid of map sheets, and the rasters of a job.

import type { Job, Process } from "../answers";
import { romanZone, zoneOf } from "../crs";
import { fill, freshId, h } from "../dom";
import { labelled } from "../forms";
import { moment } from "../format";
import { t, told } from "../language";
import { openMap, placeText, setFeatures, type Survey } from "../map/base";
import { around, type Box, cornersInDegrees } from "../map/box";
import { addFootprints, type Footprints } from "../map/footprints";
import type { Pair } from "../map/gauss";
import { addRaster, layersOf } from "../map/layers";
import { geometryOf } from "../map/shapes";
import { sheetOf } from "../map/sheets";
import { placeForm, valuesAt } from "../map/values";
import { ask, messageOf } from "../service";

/** Shown at first, the lower first. */
const FIRST = ["hillshade_after", "hillshade", "difference"];

export async function show(main: HTMLElement, _: string[], query: URLSearchParams): Promise<() => void> {
  const place = h("div", { class: "map" });
  const readout = h("p", { class: "readout", "aria-live": "off" });
  const layers = h("section", { "aria-label": t("layers") });
  const found = h("section", { "aria-live": "polite", "aria-label": t("values") });
  const trouble = h("p", { class: "problem", role: "alert" });
  const panel = h("div", { class: "panel" });
  fill(main, h("h1", { class: "unseen" }, t("map")), h("div", { class: "map-page" }, panel, h("div", { class: "map-frame" }, place, readout)));
  main.classList.add("whole");
  const survey = await openMap(place, readout);
  const job = query.get("job");
  fill(panel, search(survey), zoneChoice(survey), await jobChoice(job), trouble, layers, found);
  try {
    const hasLayers = job !== null && (await showJob(survey, layers, job));
    const footprints = await addFootprints(survey.map);
    if (!hasLayers) listFootprints(survey, layers, footprints);
  } catch (error) {
    trouble.textContent = messageOf(error);
  }
  const show = (at: Pair) => {
    const text = h("p", { class: "place" }, placeText(at, survey.zone()));
    fill(found, h("h2", {}, t("values")), text);
    if (job) void valuesAt(job, at).then((element) => found.append(element), (error: unknown) => (trouble.textContent = messageOf(error)));
  };
  survey.map.on("click", (event) => show(event.lngLat.toArray() as Pair));
  layers.after(placeForm(survey, show));
  return () => {
    main.classList.remove("whole");
    survey.leave();
  };
}

function search(survey: Survey): HTMLElement {
  const id = freshId();
  const field = h("input", { id, placeholder: "08ND7783", autocomplete: "off", spellcheck: "false" });
  const error = h("p", { class: "problem", role: "alert" });
  const form = h("form", { class: "search" }, h("label", { for: id }, t("sheet-code")), h("span", { class: "control" }, field, h("button", { type: "submit" }, t("search"))), error);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const sheet = sheetOf(field.value);
    error.textContent = sheet ? "" : t("no-sheet", field.value);
    if (!sheet) return;
    const ring = cornersInDegrees(sheet.box, sheet.zone);
    survey.setZone(sheet.zone);
    setFeatures(survey.map, "found", [{ type: "Feature", properties: {}, geometry: geometryOf(ring, "polygon") }]);
    survey.map.fitBounds([ring[0]!, ring[2]!], { padding: 40, animate: false });
  });
  return form;
}

function zoneChoice(survey: Survey): HTMLElement {
  const select = h("select", {}, h("option", { value: 0 }, t("zone-auto")));
  for (let zone = 1; zone <= 19; zone += 1) select.append(h("option", { value: zone }, t("zone", romanZone(zone))));
  select.addEventListener("change", () => survey.setZone(Number(select.value)));
  return labelled(t("zone-shown"), select);
}

async function jobChoice(chosen: string | null): Promise<HTMLElement> {
  const [{ jobs }, { processes }] = await Promise.all([
    ask<{ jobs: Job[] }>("jobs?status=successful&limit=50"),
    ask<{ processes: Process[] }>("processes"),
  ]);
  const titles = new Map(processes.map((one) => [one.id, told(one, "title")]));
  const select = h("select", {}, h("option", { value: "" }, t("only-data")));
  for (const job of jobs) select.append(h("option", { value: job.jobID }, `${titles.get(job.processID) ?? job.processID} ${moment(job.created)}`));
  select.value = chosen ?? "";
  select.addEventListener("change", () => {
    location.hash = select.value ? `#/map?job=${select.value}` : "#/map";
  });
  return labelled(t("results-of"), select);
}

/** Whether the job has anything to show. */
async function showJob(survey: Survey, place: HTMLElement, job: string): Promise<boolean> {
  const layers = await layersOf(encodeURIComponent(job));
  const [first] = layers;
  if (!first) {
    fill(place, h("p", {}, t("no-rasters")));
    return false;
  }
  const rank = (path: string) => FIRST.indexOf(path.split("/").at(-1)!.replace(/\.tif$/, ""));
  const isFirst = (path: string) => rank(path) >= 0 || layers.length === 1;
  const sorted = [...layers].sort((a, b) => rank(a.path) - rank(b.path));
  const shown = sorted.map((layer) => addRaster(survey.map, job, layer, isFirst(layer.path)));
  fill(place, h("h2", {}, t("layers")), h("ul", { class: "layers" }, shown.reverse().map((one) => one.element)));
  const zone = zoneOf(`EPSG:${first.epsg}`);
  if (zone) survey.setZone(zone);
  survey.map.fitBounds(first.bounds, { padding: 30, animate: false });
  return true;
}

function listFootprints(survey: Survey, place: HTMLElement, footprints: Footprints): void {
  const points = footprints.features.flatMap((feature) => feature.geometry.coordinates[0] ?? []);
  if (points.length === 0) {
    fill(place, h("p", {}, t("no-footprints")));
    return;
  }
  const go = (box: Box) => survey.map.fitBounds(box, { padding: 40, animate: false, maxZoom: 18 });
  const items = footprints.features.map((feature) => {
    const box = around(feature.geometry.coordinates[0]!);
    return h("li", {}, h("button", { type: "button", class: "quiet name", onclick: () => go(box) }, feature.properties.name));
  });
  fill(place, h("h2", {}, t("data")), h("ul", { class: "layers" }, items));
  go(around(points));
}
