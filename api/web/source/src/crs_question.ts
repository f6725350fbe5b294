// A file without a reference system: where it would lie by each candidate, on the map, and the reader's answer.

import type { Dataset } from "./answers";
import { crsName, romanZone, zoneOf } from "./crs";
import { fill, h } from "./dom";
import { t } from "./language";
import { openMap, setFeatures } from "./map/base";
import { cornersInDegrees } from "./map/box";
import { addFootprints } from "./map/footprints";
import type { Pair } from "./map/gauss";
import { geometryOf } from "./map/shapes";
import { messageOf } from "./service";

const KEY = "tengun-crs ";

/** What the reader answered for a file, kept in this browser. */
export function answeredCrs(dataset: Dataset): string | null {
  return dataset.info.crs ? null : localStorage.getItem(KEY + dataset.id);
}

/** The button that opens the map of candidates; `done` when one was chosen. */
export function candidatesButton(dataset: Dataset, done: () => void): HTMLElement {
  return h("button", { type: "button", onclick: () => void openDialog(dataset, done) }, t("candidates-on-map"));
}

async function openDialog(dataset: Dataset, done: () => void): Promise<void> {
  const frame = h("div", { class: "map" });
  const readout = h("p", { class: "readout" });
  const list = h("ul", { class: "layers" });
  const close = h("button", { type: "button" }, t("close"));
  const title = h("h2", { id: "candidates-title" }, t("candidates-of", dataset.name));
  const dialog = h(
    "dialog",
    { class: "candidates", "aria-labelledby": "candidates-title" },
    title,
    h("p", { class: "hint" }, t("candidates-help")),
    h("div", { class: "candidate-page" }, h("div", { class: "map-frame" }, frame, readout), list),
    h("p", {}, close),
  );
  document.body.append(dialog);
  dialog.showModal();
  let leave = () => {};
  dialog.addEventListener("close", () => {
    leave();
    dialog.remove();
  });
  window.addEventListener("hashchange", () => dialog.close(), { once: true });
  close.addEventListener("click", () => dialog.close());
  try {
    const survey = await openMap(frame, readout);
    leave = survey.leave;
    await addFootprints(survey.map);
    const candidates = (dataset.info.crs_candidates ?? []).flatMap((crs) => {
      const zone = zoneOf(crs);
      return zone === null ? [] : [{ crs, zone, ring: cornersInDegrees(dataset.info.bounds!, zone) }];
    });
    const look = (zone: number, ring: Pair[]) => {
      survey.setZone(zone);
      setFeatures(survey.map, "found", [{ type: "Feature", properties: {}, geometry: geometryOf(ring, "polygon") }]);
      survey.map.fitBounds([ring[0]!, ring[2]!], { padding: 150, animate: false, maxZoom: 12 });
    };
    showAll(survey.map, candidates);
    fill(
      list,
      candidates.map(({ crs, zone, ring }) => {
        const choose = () => {
          localStorage.setItem(KEY + dataset.id, crs);
          dialog.close();
          done();
        };
        return h(
          "li",
          {},
          h("strong", {}, crsName(crs)),
          h("p", { class: "hint" }, t(`zone-${romanZone(zone)}` as "zone-VIII")),
          h("p", {}, h("button", { type: "button", onclick: () => look(zone, ring), "aria-label": `${t("look")} ${crsName(crs)}` }, t("look")), " ", h("button", { type: "button", onclick: choose, "aria-label": `${t("is-right")} ${crsName(crs)}` }, t("is-right"))),
        );
      }),
    );
  } catch (error) {
    fill(list, h("li", { class: "problem" }, messageOf(error)));
  }
}

/** A mark with the zone's number at every candidate. */
function showAll(map: import("maplibre-gl").Map, candidates: { zone: number; ring: Pair[] }[]): void {
  const features = candidates.map(({ zone, ring }) => ({ type: "Feature" as const, properties: { zone: romanZone(zone) }, geometry: { type: "Point" as const, coordinates: ring[0]! } }));
  map.addSource("candidates", { type: "geojson", data: { type: "FeatureCollection", features } });
  map.addLayer({ id: "candidates", type: "circle", source: "candidates", paint: { "circle-radius": 6, "circle-color": "#b45309", "circle-stroke-color": "#ffffff", "circle-stroke-width": 2 } });
  map.addLayer({
    id: "candidate-names",
    type: "symbol",
    source: "candidates",
    layout: { "text-field": ["get", "zone"], "text-size": 14, "text-offset": [0, 1.2], "text-allow-overlap": true },
    paint: { "text-color": "#111827", "text-halo-color": "#ffffff", "text-halo-width": 2 },
  });
}
