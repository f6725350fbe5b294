// The map itself: MapLibre without any server but our own; place readout, scale, and the grid of map sheets.

import type { GeoJSONSource, LngLatBoundsLike, Map as MapLibre, StyleSpecification } from "maplibre-gl";
import { number } from "../format";
import { t } from "../language";
import { theme } from "../theme";
import { romanZone } from "../crs";
import { offerBackgrounds } from "./background";
import { around, cornersInDegrees } from "./box";
import { nearestZone, type Pair, toPlane } from "./gauss";
import { geometryOf } from "./shapes";
import { sheetsIn } from "./sheets";

declare const MAPLIBRE_WORKER: string;

const MOST_SHEETS = 300;
const JAPAN: LngLatBoundsLike = [128, 30.5, 146, 45.8];
export const EMPTY = { type: "FeatureCollection" as const, features: [] };

export interface Survey {
  map: MapLibre;
  /** Zone of the readout and of the grid. */
  setZone: (zone: number) => void;
  zone: () => number;
  leave: () => void;
}

export async function openMap(place: HTMLElement, readout: HTMLElement): Promise<Survey> {
  loadStyle();
  const maplibre = await import("maplibre-gl");
  maplibre.setWorkerUrl(new URL(MAPLIBRE_WORKER, document.baseURI).href);
  const isDark = theme() === "dark";
  const map = new maplibre.Map({
    container: place,
    style: style(isDark),
    bounds: JAPAN,
    attributionControl: false,
    maxZoom: 23,
    maxPitch: 0,
    dragRotate: false,
    canvasContextAttributes: { preserveDrawingBuffer: true }, // or the print has no map
    locale: {
      "Map.Title": t("map"),
      "NavigationControl.ZoomIn": t("zoom-in"),
      "NavigationControl.ZoomOut": t("zoom-out"),
    },
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new maplibre.NavigationControl({ showCompass: false }), "top-right");
  map.addControl(new maplibre.ScaleControl({ maxWidth: 120 }), "bottom-left");
  await new Promise<void>((resolve) => map.once("load", () => resolve()));
  void offerBackgrounds(map);
  let zone = 0;
  const zoneNow = () => zone || nearestZone(map.getCenter().toArray() as Pair);
  map.on("mousemove", (event) => {
    readout.textContent = placeText(event.lngLat.toArray() as Pair, zoneNow());
  });
  map.on("moveend", () => drawSheets(map, zoneNow()));
  const resized = new ResizeObserver(() => map.resize());
  resized.observe(place);
  drawSheets(map, zoneNow());
  return {
    map,
    zone: zoneNow,
    setZone: (wanted) => {
      zone = wanted;
      drawSheets(map, zoneNow());
    },
    leave: () => {
      resized.disconnect();
      map.remove();
    },
  };
}

/** A place as surveyors write it: X to the north, Y to the east; then degrees. */
export function placeText(lonLat: Pair, zone: number): string {
  const [easting, northing] = toPlane(lonLat, zone);
  return `${t("plane-place", romanZone(zone), number(northing, 2), number(easting, 2))} / ${t("degrees", lonLat[1].toFixed(7), lonLat[0].toFixed(7))}`;
}

export function setFeatures(map: MapLibre, source: string, features: GeoJSON.Feature[]): void {
  (map.getSource(source) as GeoJSONSource | undefined)?.setData({ type: "FeatureCollection", features });
}

function loadStyle(): void {
  const link = document.querySelector<HTMLLinkElement>("#map-style");
  if (link && link.rel !== "stylesheet") link.rel = "stylesheet";
}

function style(isDark: boolean): StyleSpecification {
  const ink = isDark ? "#9fb0a5" : "#55655b";
  const back = isDark ? "#1b211d" : "#eef1ee";
  return {
    version: 8,
    sources: { sheets: { type: "geojson", data: EMPTY }, found: { type: "geojson", data: EMPTY } },
    layers: [
      { id: "background", type: "background", paint: { "background-color": back } },
      { id: "sheets", type: "line", source: "sheets", paint: { "line-color": ink, "line-width": 0.7, "line-dasharray": [4, 3] } },
      { id: "found", type: "line", source: "found", paint: { "line-color": isDark ? "#fbbf24" : "#b45309", "line-width": 3 } },
      {
        id: "sheet-codes",
        type: "symbol",
        source: "sheets",
        layout: { "text-field": ["get", "code"], "text-size": 12, "symbol-placement": "point" },
        paint: { "text-color": ink, "text-halo-color": back, "text-halo-width": 1.5 },
      },
    ],
  };
}

function drawSheets(map: MapLibre, zone: number): void {
  const bounds = map.getBounds();
  const corners = [bounds.getNorthWest(), bounds.getNorthEast(), bounds.getSouthEast(), bounds.getSouthWest()];
  const box = around(corners.map((corner) => toPlane(corner.toArray() as Pair, zone)));
  const levels = [100, 10, 1] as const;
  const found = levels.map((parts) => sheetsIn(zone, box, parts, MOST_SHEETS)).find((sheets) => sheets !== null) ?? [];
  const features = found.map((sheet) => ({
    type: "Feature" as const,
    properties: { code: sheet.code },
    geometry: geometryOf(cornersInDegrees(sheet.box, zone), "polygon"),
  }));
  setFeatures(map, "sheets", features);
}
