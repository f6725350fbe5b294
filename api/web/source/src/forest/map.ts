// The forest on the map: canopy height, stands coloured by a figure, trees and crowns where one looks closely.

import type { Map as MapLibre } from "maplibre-gl";
import { zoneOf } from "../crs";
import { fill, h } from "../dom";
import { choice as selection, labelled } from "../forms";
import { number } from "../format";
import { t } from "../language";
import { EMPTY, openMap, placeText, setFeatures } from "../map/base";
import { around, type Box } from "../map/box";
import type { Pair } from "../map/gauss";
import { addRaster, layersOf } from "../map/layers";
import { valuesAt } from "../map/values";
import { ask, messageOf } from "../service";
import { theme } from "../theme";
import { type Choice, choicesFor, coloursOf, figureOf } from "./colours";

const CLOSE = 17;

type Collection = GeoJSON.FeatureCollection & { left_out?: number };

export interface ForestMap {
  /** Brings a stand into view. */
  go: (id: string) => void;
  leave: () => void;
}

export async function forestMap(place: HTMLElement, job: string, crs: string | null): Promise<ForestMap> {
  const frame = h("div", { class: "map" });
  const readout = h("p", { class: "readout" });
  const controls = h("div", { class: "controls with-legend" });
  const found = h("div", { "aria-live": "polite" });
  fill(place, controls, h("div", { class: "map-frame" }, frame, readout), found);
  const [layers, stands] = await Promise.all([layersOf(job), ask<Collection>(`jobs/${job}/features?layer=stands`)]);
  const canopy = layers.find((layer) => layer.path === "chm.tif");
  const survey = await openMap(frame, readout);
  const zone = crs ? zoneOf(crs) : null;
  if (zone) survey.setZone(zone);
  const isBare = stands.features.length === 0; // under coloured stands, canopy height would change their colours
  const rasters = layers.map((layer) => addRaster(survey.map, job, layer, isBare && layer === canopy));
  const choice = addStands(survey.map, stands);
  const trees = rasters.length > 0 ? addTrees(survey.map, job) : null; // without a survey the job found no trees itself
  fill(controls, choice, trees, h("ul", { class: "layers" }, rasters.map((one) => one.element)), h("p", { class: "hint" }, t("forest-click")));
  const whole = canopy?.bounds ?? boundsOf(stands.features);
  if (whole) survey.map.fitBounds(whole, { padding: 20, animate: false });
  survey.map.on("click", (event) => {
    const at = event.lngLat.toArray() as Pair;
    const shown = ["stands-fill", "crowns", "trees"].filter((layer) => survey.map.getLayer(layer));
    const texts = survey.map.queryRenderedFeatures(event.point, { layers: shown }).map((one) => describe(one.layer.id, one.properties));
    fill(found, h("h2", {}, t("values")), h("p", { class: "place" }, placeText(at, survey.zone())), [...new Set(texts)].map((text) => h("p", {}, text)));
    if (layers.length > 0) valuesAt(job, at).then((element) => found.append(element), (error: unknown) => found.append(h("p", { class: "problem" }, messageOf(error))));
  });
  return {
    leave: survey.leave,
    go: (id) => {
      const bounds = boundsOf(stands.features.filter((one) => one.properties?.id === id));
      if (bounds) survey.map.fitBounds(bounds, { padding: 40, animate: false });
      frame.scrollIntoView({ block: "center" });
    },
  };
}

function describe(layer: string, of: Record<string, unknown>): string {
  if (layer === "stands-fill") return `${t("stand")} ${String(of.id)} ${String(of.species ?? "")}`;
  return t("tree", String(of.id), number(Number(of.height_m) + Number(of.apex_loss_m ?? 0), 1), number(Number(of.crown_m2), 1));
}

function addStands(map: MapLibre, stands: Collection): HTMLElement | null {
  const ink = theme() === "dark" ? "#f8fafc" : "#111827";
  const properties = stands.features.map((one) => one.properties ?? {});
  const choices = choicesFor(properties);
  map.addSource("stands", { type: "geojson", data: EMPTY });
  map.addLayer({ id: "stands-fill", type: "fill", source: "stands", paint: { "fill-opacity": 0.65 } });
  map.addLayer({ id: "stands-line", type: "line", source: "stands", paint: { "line-color": ink, "line-width": 1.8 } });
  map.addLayer({
    id: "stands-name", type: "symbol", source: "stands",
    layout: { "text-field": ["get", "id"], "text-size": 13 },
    paint: { "text-color": ink, "text-halo-color": ink === "#111827" ? "#fff" : "#111827", "text-halo-width": 1.5 },
  });
  const legend = h("div", { class: "legend" });
  const draw = (choice: Choice | "none") => {
    const data = stands.features.map((one) => ({ ...one, properties: { ...one.properties, figure: choice === "none" ? null : figureOf(choice, one.properties ?? {}) } }));
    setFeatures(map, "stands", data);
    map.setLayoutProperty("stands-fill", "visibility", choice === "none" ? "none" : "visible");
    if (choice === "none") return fill(legend);
    const colours = coloursOf(choice, properties);
    map.setPaintProperty("stands-fill", "fill-color", colours.paint);
    fill(legend, colours.legend);
  };
  const start: Choice | "none" = choices.includes("by-co2") ? "by-co2" : (choices[0] ?? "none");
  draw(start);
  if (stands.features.length === 0) return null;
  const select = selection([...choices.map((one): [string, string] => [one, t(one)]), ["none", t("none")]], start);
  select.addEventListener("change", () => draw(select.value as Choice | "none"));
  return h("div", {}, labelled(t("colour-by"), select), legend);
}

/** Tops and crowns of what is in view, once it is few enough to be told apart. */
function addTrees(map: MapLibre, job: string): HTMLElement {
  for (const id of ["crowns", "trees"]) map.addSource(id, { type: "geojson", data: EMPTY });
  map.addLayer({ id: "crowns", type: "line", source: "crowns", paint: { "line-color": "#b45309", "line-width": 1.2 } });
  map.addLayer({ id: "trees", type: "circle", source: "trees", paint: { "circle-radius": 3.5, "circle-color": "#b91c1c", "circle-stroke-color": "#fff", "circle-stroke-width": 1 } });
  const box = h("input", { type: "checkbox", checked: true });
  const told = h("span", { role: "status" });
  let turn = 0;
  const draw = async () => {
    turn += 1;
    const mine = turn;
    const isShown = box.checked && map.getZoom() >= CLOSE;
    const [west, south, east, north] = map.getBounds().toArray().flat();
    const query = `bbox=${west},${south},${east},${north}`;
    const found = await Promise.all(["crowns", "trees"].map((layer) => (isShown ? ask<Collection>(`jobs/${job}/features?layer=${layer}&${query}`) : (EMPTY as Collection))));
    if (mine !== turn) return;
    ["crowns", "trees"].forEach((id, place) => setFeatures(map, id, found[place]!.features));
    told.textContent = !box.checked ? "" : map.getZoom() < CLOSE ? t("trees-closer") : found.some((one) => one.left_out) ? t("trees-left-out") : "";
  };
  const look = () => void draw().catch((error: unknown) => (told.textContent = messageOf(error)));
  map.on("moveend", look);
  box.addEventListener("change", look);
  return h("div", {}, h("label", { class: "pick" }, box, t("trees-shown")), h("p", { class: "hint" }, told));
}

function boundsOf(features: GeoJSON.Feature[]): Box | null {
  const all: number[][] = [];
  const walk = (part: unknown): void => {
    if (!Array.isArray(part)) return;
    if (typeof part[0] === "number") all.push(part as number[]);
    else part.forEach(walk);
  };
  for (const one of features) walk((one.geometry as { coordinates?: unknown } | null)?.coordinates);
  return all.length === 0 ? null : around(all);
}
