// Before and after side by side: a second map of the terrain before lies over the first, cut off at a divider.

import type { Map as MapLibre } from "maplibre-gl";
import { freshId, h } from "../dom";
import { t } from "../language";
import { theme } from "../theme";
import { EMPTY } from "./base";
import { addRaster, type Layer } from "./layers";
import { addOutlines } from "./outlines";

export interface Swipe {
  element: HTMLElement;
  leave: () => void;
}

/** The terrain after below everything, that before left of the divider; null where there are not both. */
export async function beforeAfter(map: MapLibre, frame: HTMLElement, job: string, layers: Layer[]): Promise<Swipe | null> {
  const [before, after] = ["hillshade_before.tif", "hillshade_after.tif"].map((path) => layers.find((layer) => layer.path === path));
  if (!before || !after) return null;
  addRaster(map, job, after, true);
  const cover = h("div", { class: "swipe-cover", "aria-hidden": "true" });
  const divider = h("div", { class: "swipe-divider", "aria-hidden": "true" }, h("span", {}, t("before")), h("span", {}, t("after")));
  frame.append(cover, divider);
  const earlier = await coverMap(cover, map, job, before);
  const follow = () => earlier.jumpTo({ center: map.getCenter(), zoom: map.getZoom() });
  map.on("move", follow);
  const resized = new ResizeObserver(() => earlier.resize());
  resized.observe(cover);
  const id = freshId();
  const slider = h("input", { type: "range", id, min: 0, max: 100, step: 1, value: 0 });
  const show = () => {
    cover.style.clipPath = `inset(0 ${100 - Number(slider.value)}% 0 0)`;
    divider.style.left = `${slider.value}%`;
  };
  const drag = (event: PointerEvent) => {
    const box = frame.getBoundingClientRect();
    slider.value = String((100 * (event.clientX - box.left)) / box.width);
    show();
  };
  divider.addEventListener("pointerdown", (event) => {
    divider.setPointerCapture(event.pointerId);
    event.preventDefault();
    divider.addEventListener("pointermove", drag);
  });
  divider.addEventListener("pointerup", () => divider.removeEventListener("pointermove", drag));
  slider.addEventListener("input", show);
  show();
  const element = h("div", { class: "slide" }, h("label", { for: id }, t("before-after")), h("span", {}, t("after")), slider, h("span", {}, t("before")));
  return {
    element,
    leave: () => {
      resized.disconnect();
      map.off("move", follow);
      earlier.remove();
    },
  };
}

async function coverMap(place: HTMLElement, map: MapLibre, job: string, layer: Layer): Promise<MapLibre> {
  const maplibre = await import("maplibre-gl");
  const cover = new maplibre.Map({
    container: place,
    interactive: false,
    attributionControl: false,
    maxZoom: 23,
    center: map.getCenter(),
    zoom: map.getZoom(),
    style: {
      version: 8,
      sources: { sheets: { type: "geojson", data: EMPTY } },
      layers: [
        { id: "background", type: "background", paint: { "background-color": theme() === "dark" ? "#1b211d" : "#eef1ee" } },
        { id: "sheets", type: "line", source: "sheets" },
      ],
    },
    canvasContextAttributes: { preserveDrawingBuffer: true },
  });
  await new Promise<void>((resolve) => cover.once("load", () => resolve()));
  cover.getCanvas().tabIndex = -1;
  addRaster(cover, job, layer, true);
  await addOutlines(cover, job);
  return cover;
}
