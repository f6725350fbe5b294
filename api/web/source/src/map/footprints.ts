// Where the uploaded point clouds lie.

import type { Map as MapLibre } from "maplibre-gl";
import { ask } from "../service";

export type Footprints = GeoJSON.FeatureCollection<GeoJSON.Polygon, { id: string; name: string }>;

/** Draws the rectangles of all surveys whose place is known. */
export async function addFootprints(map: MapLibre): Promise<Footprints> {
  const footprints = await ask<Footprints>("footprints");
  map.addSource("footprints", { type: "geojson", data: footprints });
  map.addLayer({ id: "footprints", type: "line", source: "footprints", paint: { "line-color": "#0b6aa2", "line-width": 2 } }, "sheets");
  return footprints;
}
