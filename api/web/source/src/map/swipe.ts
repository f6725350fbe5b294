// Before and after by one slider: the terrain after the change fades into the one before.

import type { Map as MapLibre } from "maplibre-gl";
import { freshId, h } from "../dom";
import { t } from "../language";
import { addRaster, type Layer } from "./layers";

/** Both hillshades below everything, and the slider between them; null where there are not both. */
export function beforeAfter(map: MapLibre, job: string, layers: Layer[]): HTMLElement | null {
  const [before, after] = ["hillshade_before.tif", "hillshade_after.tif"].map((path) => layers.find((layer) => layer.path === path));
  if (!before || !after) return null;
  addRaster(map, job, before, true);
  addRaster(map, job, after, true);
  const id = freshId();
  const slider = h("input", { type: "range", id, min: 0, max: 1, step: 0.05, value: 1 });
  slider.addEventListener("input", () => map.setPaintProperty(`raster-${job}-${after.path}`, "raster-opacity", Number(slider.value)));
  return h("div", { class: "slide" }, h("label", { for: id }, t("before-after")), h("span", {}, t("before")), slider, h("span", {}, t("after")));
}
