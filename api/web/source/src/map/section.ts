// What the section tool shows on the map beside the line: stations with their sections, the cursor.

import { theme } from "../theme";
import type { Station } from "../profile";
import { EMPTY, type Survey, setFeatures } from "./base";
import { type Pair, toDegrees, toPlane } from "./gauss";
import { lengthOf } from "./shapes";

/** Pixels from the line at which the map still points at it. */
const NEAR = 40;

export interface SectionMarks {
  stations: (stations: Station[], chosen: number, zone: number) => void;
  cursor: (place: Pair | null, zone: number) => void;
}

export function sectionMarks(survey: Survey, clicked: (station: number) => void): SectionMarks {
  const map = survey.map;
  const isDark = theme() === "dark";
  const [ink, back] = isDark ? ["#f8fafc", "#111827"] : ["#111827", "#ffffff"];
  for (const name of ["stations", "station-names", "cursor"]) map.addSource(name, { type: "geojson", data: EMPTY });
  map.addLayer({ id: "stations-halo", type: "line", source: "stations", paint: { "line-color": back, "line-width": 4, "line-opacity": 0.7 } });
  map.addLayer({ id: "stations", type: "line", source: "stations", paint: { "line-color": ["case", ["get", "crosses"], "#dc2626", ink], "line-width": ["case", ["get", "isChosen"], 4, 1.5] } });
  map.addLayer({
    id: "station-names",
    type: "symbol",
    source: "station-names",
    layout: { "text-field": ["get", "name"], "text-size": 12, "text-anchor": "left", "text-offset": [0.4, 0] },
    paint: { "text-color": ink, "text-halo-color": back, "text-halo-width": 1.5 },
  });
  map.addLayer({ id: "cursor", type: "circle", source: "cursor", paint: { "circle-radius": 7, "circle-color": "#dc2626", "circle-stroke-color": "#ffffff", "circle-stroke-width": 2 } });
  map.on("click", "stations-halo", (event) => clicked(Number(event.features?.[0]?.properties.number)));
  return {
    stations: (stations, chosen, zone) => {
      const degrees = (place: Pair) => toDegrees(place, zone);
      const lines = stations.map(({ left, right, crosses }, number) => ({
        type: "Feature" as const,
        properties: { number, crosses, isChosen: number === chosen },
        geometry: { type: "LineString" as const, coordinates: [degrees(left), degrees(right)] },
      }));
      const names = stations.map(({ name, right }) => ({ type: "Feature" as const, properties: { name }, geometry: { type: "Point" as const, coordinates: degrees(right) } }));
      setFeatures(map, "stations", lines);
      setFeatures(map, "station-names", names);
    },
    cursor: (place, zone) => {
      setFeatures(map, "cursor", place === null ? [] : [{ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: toDegrees(place, zone) } }]);
    },
  };
}

/** The place at a distance along a line. */
export function placeAt(points: Pair[], distance: number): Pair {
  let rest = distance;
  for (let place = 1; place < points.length; place += 1) {
    const [from, to] = [points[place - 1]!, points[place]!];
    const length = lengthOf([from, to]);
    if (rest <= length || place === points.length - 1) {
      const share = length === 0 ? 0 : Math.min(rest / length, 1);
      return [from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])];
    }
    rest -= length;
  }
  return points[0]!;
}

/** Tells the distance along the line that the mouse is near to, null where it is far. */
export function onLine(survey: Survey, line: () => { points: Pair[]; zone: number } | null, pointed: (distance: number | null) => void): void {
  let wasNear = false; // a place chosen on the slider stays when the mouse moves somewhere else
  survey.map.on("mousemove", (event) => {
    const now = line();
    if (now === null) return;
    const { distance, place } = nearest(now.points, toPlane(event.lngLat.toArray() as Pair, now.zone));
    const at = survey.map.project(toDegrees(place, now.zone));
    const isNear = Math.hypot(at.x - event.point.x, at.y - event.point.y) < NEAR;
    if (isNear || wasNear) pointed(isNear ? distance : null);
    wasNear = isNear;
  });
}

function nearest(points: Pair[], [x, y]: Pair): { distance: number; place: Pair } {
  let best = { gap: Infinity, distance: 0, place: points[0]! };
  let along = 0;
  for (let number = 1; number < points.length; number += 1) {
    const [[x0, y0], [x1, y1]] = [points[number - 1]!, points[number]!];
    const length = Math.hypot(x1 - x0, y1 - y0);
    const share = length === 0 ? 0 : Math.min(Math.max(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length ** 2, 0), 1);
    const place: Pair = [x0 + share * (x1 - x0), y0 + share * (y1 - y0)];
    const gap = Math.hypot(x - place[0], y - place[1]);
    if (gap < best.gap) best = { gap, distance: along + share * length, place };
    along += length;
  }
  return best;
}
