// What every raster of a job says of one place.

import { h, table } from "../dom";
import { number } from "../format";
import { t, told } from "../language";
import { ask } from "../service";
import type { Pair } from "./gauss";
import { type Layer, layersOf } from "./layers";

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
    .map(([path, value]) => [titles.get(path) ?? path, value === null ? h("span", { class: "hint" }, t("no-value")) : number(value, 3)]);
  return table(t("values"), [t("what"), t("value")], rows, [1]);
}
