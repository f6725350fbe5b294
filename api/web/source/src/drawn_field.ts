// Areas and lines drawn for a process's form, in place of an uploaded file.

import { coordinates } from "./coordinates";
import type { Dataset } from "./answers";
import { zoneOf } from "./crs";
import { fill, h } from "./dom";
import { t } from "./language";
import { openMap, setFeatures, type Survey } from "./map/base";
import { around, type Box, cornersInDegrees } from "./map/box";
import { type Drawing, drawing } from "./map/draw";
import { addFootprints } from "./map/footprints";
import { collectionOf, geometryOf, inDegrees, type Kind, type Shape, shapesOf } from "./map/shapes";

const MOST_AREAS = 500;

export interface DrawnField {
  element: HTMLElement;
  /** What was drawn, as a request may hold it; null for nothing. */
  read: () => object | null;
  /** The files whose place the map begins with. */
  about: (chosen: Dataset[]) => void;
  /** Frees the map. */
  leave: () => void;
}

/** The map opens with the details; until then nothing of it is loaded. */
export function drawnField(kind: Kind, start: string | null): DrawnField {
  const most = kind === "line" ? 1 : MOST_AREAS;
  const place = h("div", { class: "drawn" });
  const told = h("p", { class: "hint", "aria-live": "polite" });
  let shapes: Shape[] = [];
  let zone = 0;
  let box: Box | null = null;
  let outlines: GeoJSON.Feature[] = [];
  let own: { survey: Survey; drawing: Drawing } | null = null;
  let isLeft = false;
  if (start !== null) ({ shapes, zone } = shapesOf(start, kind, 1));
  const keep = () => {
    if (own) [shapes, zone] = [own.drawing.shapes(), own.drawing.zone()];
    told.textContent = shapes.length > 0 ? t("drawn-used", shapes.length) : "";
  };
  const open = async () => {
    const frame = h("div", { class: "map" });
    const readout = h("p", { class: "readout" });
    fill(place, h("div", { class: "map-frame" }, frame, readout));
    const survey = await openMap(frame, readout);
    if (isLeft) return survey.leave();
    const drawn = drawing(survey, kind, most, (isMoving) => {
      if (!isMoving) typed.refresh();
      keep();
    });
    own = { survey, drawing: drawn };
    if (zone > 0) survey.setZone(zone);
    drawn.setZone(survey.zone());
    drawn.set(shapes);
    const typed = coordinates(drawn, most, () => {
      keep();
      look();
    });
    place.append(typed.element);
    await addFootprints(survey.map);
    look();
  };
  const look = () => {
    if (!own) return;
    setFeatures(own.survey.map, "found", outlines);
    if (shapes[0]) own.survey.map.fitBounds(around(shapes.flatMap((shape) => inDegrees(shape.points, own!.drawing.zone()))), { padding: 60, animate: false, maxZoom: 19 });
    else if (box) own.survey.map.fitBounds(box, { padding: 40, animate: false });
  };
  const element = h("details", { open: shapes.length > 0 }, h("summary", {}, t("draw-on-map")), place);
  element.addEventListener("toggle", () => {
    if (element.open && own === null && place.childElementCount === 0) void open();
  });
  keep();
  return {
    element: h("div", {}, element, told),
    read: () => (shapes.length === 0 ? null : { value: collectionOf(shapes, kind, zone) }),
    about: (chosen) => {
      const clouds = chosen.filter((one) => one.kind === "pointcloud" && one.info.bounds);
      const crs = clouds.map((one) => one.info.crs ?? one.info.crs_candidates?.[0]).find((one) => zoneOf(one) !== null);
      const wanted = zoneOf(crs);
      if (wanted === null) return;
      const rings = clouds.map((one) => cornersInDegrees(one.info.bounds!, wanted));
      box = around(rings.flat());
      outlines = rings.map((ring) => ({ type: "Feature", properties: {}, geometry: geometryOf(ring, "polygon") }));
      if (shapes.length > 0) return look();
      zone = wanted;
      own?.survey.setZone(wanted);
      own?.drawing.setZone(wanted);
      look();
    },
    leave: () => {
      isLeft = true;
      own?.survey.leave();
    },
  };
}
