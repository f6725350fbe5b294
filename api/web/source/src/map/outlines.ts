// Outlines that a job wrote (zones, patches, crowns) over its rasters.

import type { Map as MapLibre } from "maplibre-gl";
import { ask } from "../service";
import { theme } from "../theme";

export async function addOutlines(map: MapLibre, job: string): Promise<void> {
  const found = await ask<GeoJSON.FeatureCollection>(`jobs/${job}/features`);
  if (found.features.length === 0) return;
  const isDark = theme() === "dark";
  map.addSource("outlines", { type: "geojson", data: found });
  map.addLayer({ id: "outlines", type: "line", source: "outlines", paint: { "line-color": isDark ? "#f8fafc" : "#111827", "line-width": ["match", ["get", "layer"], "zones", 2.5, 1.2] } });
  map.addLayer({
    id: "outline-names",
    type: "symbol",
    source: "outlines",
    layout: { "text-field": ["coalesce", ["get", "name"], ""], "text-size": 14 },
    paint: { "text-color": isDark ? "#f8fafc" : "#111827", "text-halo-color": isDark ? "#111827" : "#ffffff", "text-halo-width": 1.5 },
  });
}
