// A background map where the administrator allows one; nobody's browser asks its server until the reader chooses it.

import type { Map as MapLibre } from "maplibre-gl";
import { fill, h } from "../dom";
import { t, told } from "../language";
import { ask } from "../service";

interface Background {
  id: string;
  title: string;
  title_ja: string;
  tiles: string;
  min_zoom: number;
  max_zoom: number;
  attribution: string;
  attribution_ja: string;
  source: string;
}

const KEY = "tengun-background";
const LAYER = "background-map";

/** The choice of background maps in the map's corner; nothing where none is allowed. */
export async function offerBackgrounds(map: MapLibre): Promise<void> {
  const offered = await ask<Background[]>("backgrounds").catch(() => []);
  if (offered.length === 0 || !map.getContainer().isConnected) return;
  const source = h("span", { class: "attribution" });
  const select = h("select", { "aria-label": t("background") }, h("option", { value: "" }, t("no-background")), offered.map((one) => h("option", { value: one.id }, told(one, "title"))));
  const show = () => {
    const chosen = offered.find((one) => one.id === select.value);
    if (map.getLayer(LAYER)) map.removeLayer(LAYER).removeSource(LAYER);
    fill(source, chosen && h("a", { href: chosen.source, rel: "noreferrer", target: "_blank" }, told(chosen, "attribution")));
    localStorage.setItem(KEY, select.value);
    if (!chosen) return;
    map.addSource(LAYER, { type: "raster", tiles: [chosen.tiles], tileSize: 256, minzoom: chosen.min_zoom, maxzoom: chosen.max_zoom });
    map.addLayer({ id: LAYER, type: "raster", source: LAYER, paint: { "raster-fade-duration": 0 } }, map.getStyle().layers[1]?.id);
  };
  map.on("error", (event) => {
    if ((event as { sourceId?: string }).sourceId === LAYER) fill(source, t("background-fails"));
    else console.error(event.error);
  });
  select.addEventListener("change", show);
  const kept = localStorage.getItem(KEY) ?? "";
  if (offered.some((one) => one.id === kept)) {
    select.value = kept;
    show();
  }
  const element = h("div", { class: "maplibregl-ctrl backgrounds" }, select, source);
  map.addControl({ onAdd: () => element, onRemove: () => element.remove() }, "top-left");
}
