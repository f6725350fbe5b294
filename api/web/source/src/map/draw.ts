// Drawing on the map: click for each corner, drag corners, drag the middle of an edge to put a new one there.

import type { Map as MapLibre, MapLayerMouseEvent, MapLayerTouchEvent, MapMouseEvent } from "maplibre-gl";
import { theme } from "../theme";
import { EMPTY, type Survey, setFeatures } from "./base";
import { type Pair, toDegrees, toPlane } from "./gauss";
import { FEWEST, geometryOf, inDegrees, type Kind, type Shape } from "./shapes";

const CENTIMETRES = 100;

export interface Drawing {
  kind: Kind;
  zone: () => number;
  /** Shows the shapes in another zone; those that are there move with it. */
  setZone: (zone: number) => void;
  shapes: () => Shape[];
  /** Replaces all shapes. */
  set: (shapes: Shape[]) => void;
  /** Begins a new shape; the next clicks are its corners. */
  begin: () => void;
  /** Ends the shape that is being drawn; one of too few corners is dropped. */
  finish: () => void;
  isDrawing: () => boolean;
}

/** `changed` is called at every move; `isMoving` while a corner is still being dragged. */
export function drawing(survey: Survey, kind: Kind, most: number, changed: (isMoving: boolean) => void): Drawing {
  const map = survey.map;
  let zone = survey.zone();
  let shapes: Shape[] = [];
  let open: Pair[] | null = null;
  addLayers(map, kind);

  const rounded = (lngLat: { toArray: () => [number, number] }): Pair => {
    const [x, y] = toPlane(lngLat.toArray(), zone);
    return [Math.round(x * CENTIMETRES) / CENTIMETRES, Math.round(y * CENTIMETRES) / CENTIMETRES];
  };
  const draw = (end?: Pair) => show(map, kind, zone, shapes, open === null ? null : [...open, ...(end ? [end] : [])]);
  const tell = (isMoving: boolean) => {
    draw();
    changed(isMoving);
  };
  const finish = () => {
    if (open === null) return;
    if (open.length >= FEWEST[kind]) shapes = [...shapes.slice(most === 1 ? 1 : 0), { name: freeName(shapes, most), points: open }];
    open = null;
    map.getCanvas().style.cursor = "";
    map.doubleClickZoom.enable();
    tell(false);
  };
  map.on("click", (event: MapMouseEvent) => {
    if (open === null) return;
    const point = rounded(event.lngLat);
    const last = open.at(-1);
    if (last && Math.hypot(...delta(map, last, point, zone)) < 6) return finish(); // the second click of a double click
    open.push(point);
    tell(false);
  });
  map.on("mousemove", (event) => open !== null && draw(rounded(event.lngLat)));
  map.getContainer().addEventListener("keydown", (event) => {
    if (open === null) return;
    if (event.key === "Enter") finish();
    else if (event.key === "Escape") {
      open = [];
      finish();
    } else if (event.key === "Backspace") open.pop();
    else return;
    event.preventDefault();
    draw();
  });
  dragging(map, {
    isOff: () => open !== null,
    move: (which, corner, isNew, lngLat) => {
      const points = shapes[which]!.points;
      if (isNew) points.splice(corner, 0, rounded(lngLat));
      else points[corner] = rounded(lngLat);
      tell(true);
    },
    drop: () => tell(false),
    remove: (which, corner) => {
      const points = shapes[which]!.points;
      if (points.length > FEWEST[kind]) points.splice(corner, 1);
      tell(false);
    },
  });
  return {
    kind,
    zone: () => zone,
    setZone: (wanted) => {
      shapes = shapes.map((shape) => ({ ...shape, points: inDegrees(shape.points, zone).map((point) => toPlane(point, wanted)) }));
      zone = wanted;
      draw();
    },
    shapes: () => shapes,
    set: (wanted) => {
      shapes = wanted;
      draw();
    },
    begin: () => {
      open = [];
      map.getCanvas().style.cursor = "crosshair";
      map.doubleClickZoom.disable();
      map.getCanvas().focus();
      draw();
    },
    finish,
    isDrawing: () => open !== null,
  };
}

function freeName(shapes: Shape[], most: number): string {
  const taken = new Set(shapes.map((shape) => shape.name));
  let number = 1;
  while (most > 1 && taken.has(String(number))) number += 1;
  return String(number);
}

/** Pixels between two places. */
function delta(map: MapLibre, a: Pair, b: Pair, zone: number): [number, number] {
  const [one, other] = [a, b].map((point) => map.project(toDegrees(point, zone)));
  return [one!.x - other!.x, one!.y - other!.y];
}

interface Hands {
  isOff: () => boolean;
  move: (which: number, corner: number, isNew: boolean, lngLat: { toArray: () => [number, number] }) => void;
  drop: () => void;
  remove: (which: number, corner: number) => void;
}

/** Corners under mouse and finger. */
function dragging(map: MapLibre, hands: Hands): void {
  const corners = "draw-corners";
  const grab = (event: MapLayerMouseEvent | MapLayerTouchEvent) => {
    const place = event.features?.[0]?.properties as { which: number; corner: number; isNew: boolean } | undefined;
    if (!place || hands.isOff()) return;
    if (event.originalEvent instanceof MouseEvent && event.originalEvent.button !== 0) return;
    event.preventDefault(); // or the map would be dragged
    let { isNew } = place;
    const move = (at: { lngLat: { toArray: () => [number, number] } }) => {
      hands.move(place.which, place.corner, isNew, at.lngLat);
      isNew = false;
    };
    const isMouse = event.originalEvent instanceof MouseEvent;
    const [moving, ending] = isMouse ? (["mousemove", "mouseup"] as const) : (["touchmove", "touchend"] as const);
    map.on(moving as "mousemove", move);
    map.once(ending as "mouseup", () => {
      map.off(moving as "mousemove", move);
      hands.drop();
    });
  };
  map.on("mousedown", corners, grab);
  map.on("touchstart", corners, grab);
  map.on("contextmenu", corners, (event) => {
    const place = event.features?.[0]?.properties as { which: number; corner: number; isNew: boolean } | undefined;
    if (place && !place.isNew) hands.remove(place.which, place.corner);
  });
  map.on("mouseenter", corners, () => (map.getCanvas().style.cursor = hands.isOff() ? "crosshair" : "move"));
  map.on("mouseleave", corners, () => (map.getCanvas().style.cursor = hands.isOff() ? "crosshair" : ""));
}

function addLayers(map: MapLibre, kind: Kind): void {
  const isDark = theme() === "dark";
  const ink = isDark ? "#fbbf24" : "#b45309";
  map.addSource("draw-shapes", { type: "geojson", data: EMPTY });
  map.addSource("draw-corners", { type: "geojson", data: EMPTY });
  if (kind === "polygon") map.addLayer({ id: "draw-fill", type: "fill", source: "draw-shapes", paint: { "fill-color": ink, "fill-opacity": 0.15 } });
  map.addLayer({ id: "draw-edge", type: "line", source: "draw-shapes", paint: { "line-color": "#ffffff", "line-width": 5 } });
  map.addLayer({ id: "draw-line", type: "line", source: "draw-shapes", paint: { "line-color": ink, "line-width": 3 } });
  map.addLayer({
    id: "draw-names",
    type: "symbol",
    source: "draw-shapes",
    layout: { "text-field": kind === "polygon" ? ["get", "name"] : "", "text-size": 14 },
    paint: { "text-color": isDark ? "#f8fafc" : "#111827", "text-halo-color": isDark ? "#111827" : "#ffffff", "text-halo-width": 1.5 },
  });
  map.addLayer({
    id: "draw-corners",
    type: "circle",
    source: "draw-corners",
    paint: {
      "circle-radius": ["case", ["get", "isNew"], 5, 8],
      "circle-color": ["case", ["get", "isNew"], ink, "#ffffff"],
      "circle-opacity": ["case", ["get", "isNew"], 0.6, 1],
      "circle-stroke-color": ink,
      "circle-stroke-width": ["case", ["get", "isNew"], 0, 3],
    },
  });
}

function show(map: MapLibre, kind: Kind, zone: number, shapes: Shape[], open: Pair[] | null): void {
  const outline = (points: Pair[], name: string): GeoJSON.Feature => {
    const isArea = kind === "polygon" && points.length > 2;
    return { type: "Feature", properties: { name }, geometry: geometryOf(inDegrees(points, zone), isArea ? "polygon" : "line") };
  };
  const drawn = shapes.map((shape) => outline(shape.points, shape.name));
  if (open !== null && open.length > 1) drawn.push(outline(open, ""));
  setFeatures(map, "draw-shapes", drawn);
  const corner = (point: Pair, which: number, place: number, isNew: boolean): GeoJSON.Feature => ({
    type: "Feature",
    properties: { which, corner: place, isNew },
    geometry: { type: "Point", coordinates: toDegrees(point, zone) },
  });
  const corners = shapes.flatMap(({ points }, which) => {
    const edges = kind === "polygon" ? points.length : points.length - 1;
    const middles = points.slice(0, edges).map(([x, y], place) => {
      const [nextX, nextY] = points[(place + 1) % points.length]!;
      return corner([(x + nextX) / 2, (y + nextY) / 2], which, place + 1, true);
    });
    return [...middles, ...points.map((point, place) => corner(point, which, place, false))];
  });
  setFeatures(map, "draw-corners", [...corners, ...(open ?? []).map((point) => corner(point, 0, 0, false))]);
}
