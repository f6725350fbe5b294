// What every raster of a job says of one place.

import { h, table } from "../dom";
import { labelled } from "../forms";
import { number } from "../format";
import { t, told } from "../language";
import { ask } from "../service";
import { romanZone } from "../crs";
import type { Survey } from "./base";
import { type Pair, toDegrees } from "./gauss";
import { type Layer, layersOf } from "./layers";

/** Heights first, then what they differ by, then how sure that is. */
const FIRST = ["dtm_before", "dtm_after", "dtm", "dsm", "chm", "difference", "sigma", "level_of_detection", "significance", "confidence"];

function rank(path: string): number {
  const place = FIRST.findIndex((name) => path.startsWith(`${name}.`));
  return place < 0 ? FIRST.length : place;
}

const known = new Map<string, Promise<Layer[]>>();

export async function valuesAt(job: string, [lon, lat]: Pair): Promise<HTMLElement> {
  let layers = known.get(job);
  if (!layers) {
    layers = layersOf(job);
    known.set(job, layers);
  }
  const titles = new Map((await layers).map((layer) => [layer.path, told(layer, "title")]));
  const { values } = await ask<{ values: Record<string, number | null> }>(`jobs/${job}/values/${lon}/${lat}`);
  const rows = Object.entries(values)
    .filter(([path]) => !path.includes("hillshade"))
    .sort(([a], [b]) => rank(a) - rank(b))
    .map(([path, value]) => [titles.get(path) ?? path, value === null ? h("span", { class: "hint" }, t("no-value")) : number(value, 3)]);
  return table(t("values"), [t("what"), t("value")], rows, [1]);
}

/** A place given by its coordinates instead of a click. */
export function placeForm(survey: Survey, found: (place: Pair) => void): HTMLElement {
  const field = () => h("input", { type: "number", step: "any", required: true });
  const [north, east] = [field(), field()];
  const form = h(
    "form",
    { class: "three" },
    labelled(t("x-north"), north),
    labelled(t("y-east"), east),
    h("p", { class: "field" }, h("button", { type: "submit" }, t("look-up"))),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const place = toDegrees([Number(east.value), Number(north.value)], survey.zone());
    survey.map.jumpTo({ center: place });
    found(place);
  });
  const title = h("summary", {}, t("by-coordinates", romanZone(survey.zone())));
  const element = h("details", {}, title, form);
  element.addEventListener("toggle", () => (title.textContent = t("by-coordinates", romanZone(survey.zone())))); // it may be another by now
  return element;
}
