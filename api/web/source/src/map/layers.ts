// Rasters of a job on the map: on and off, transparency, range of the colours, legend.

import type { Map as MapLibre, RasterTileSource } from "maplibre-gl";
import { h } from "../dom";
import { number } from "../format";
import { t, told } from "../language";
import { address, ask } from "../service";

export interface Layer {
  path: string;
  title: string;
  title_ja: string;
  bounds: [number, number, number, number];
  epsg: number | null;
  ramp: string;
  colours: string[];
  low: number;
  high: number;
}

export interface Shown {
  layer: Layer;
  element: HTMLElement;
  /** Values nearer to zero than this are not drawn. */
  setLeast: (least: number) => void;
}

export async function layersOf(job: string): Promise<Layer[]> {
  const { layers } = await ask<{ layers: Layer[] }>(`jobs/${job}/layers`);
  return layers;
}

/** The layer that is below all rasters' successors: outlines and codes stay on top. */
const ABOVE = "sheets";

export function addRaster(map: MapLibre, job: string, layer: Layer, isShown: boolean, strength = 1): Shown {
  const id = `raster-${job}-${layer.path}`;
  const state = { low: layer.low, high: layer.high, least: 0 };
  const tiles = () => [tileAddress(job, layer, state)];
  map.addSource(id, { type: "raster", tiles: tiles(), tileSize: 256, bounds: layer.bounds, maxzoom: 22 });
  map.addLayer({ id, type: "raster", source: id, layout: { visibility: isShown ? "visible" : "none" }, paint: { "raster-fade-duration": 0, "raster-resampling": "nearest", "raster-opacity": strength } }, ABOVE);
  const redraw = () => (map.getSource(id) as RasterTileSource | undefined)?.setTiles(tiles());
  const box = h("input", { type: "checkbox", checked: isShown });
  box.addEventListener("change", () => {
    map.setLayoutProperty(id, "visibility", box.checked ? "visible" : "none");
    settings.hidden = !box.checked;
  });
  const opacity = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: strength });
  opacity.addEventListener("input", () => map.setPaintProperty(id, "raster-opacity", Number(opacity.value)));
  const ends = (["low", "high"] as const).map((end) => {
    const field = h("input", { type: "number", step: "any", value: String(Number(state[end].toPrecision(3))), "aria-label": `${told(layer, "title")} ${t(end)}` });
    field.addEventListener("change", () => {
      const wanted = { ...state, [end]: Number(field.value) };
      if (field.value === "" || wanted.low >= wanted.high) return;
      state[end] = wanted[end];
      redraw();
    });
    return field;
  });
  const settings = h(
    "div",
    { class: "layer-settings" },
    legend(layer),
    h("div", { class: "ends" }, ends),
    h("label", {}, t("opacity"), opacity),
  );
  settings.hidden = !isShown;
  const element = h("li", {}, h("label", { class: "pick" }, box, told(layer, "title")), settings);
  return {
    layer,
    element,
    setLeast: (least) => {
      state.least = least;
      redraw();
    },
  };
}

function tileAddress(job: string, layer: Layer, state: { low: number; high: number; least: number }): string {
  const query = new URLSearchParams({ layer: layer.path, ramp: layer.ramp, low: String(state.low), high: String(state.high) });
  if (state.least > 0) query.set("least", String(state.least));
  return `${address(`jobs/${job}/tiles`)}/{z}/{x}/{y}.png?${query.toString()}`;
}

export function legend(layer: Layer): HTMLElement {
  const bar = h("div", { class: "ramp", role: "img", "aria-label": t("legend-of", told(layer, "title"), number(layer.low, 2), number(layer.high, 2)) });
  bar.style.background = `linear-gradient(to right, ${layer.colours.join(", ")})`;
  return bar;
}
