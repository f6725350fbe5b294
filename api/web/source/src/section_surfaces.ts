// Which surfaces of which results the section tool shows.

import type { Job, Process } from "./answers";
import { fill, h } from "./dom";
import { labelled } from "./forms";
import { moment } from "./format";
import { t, told } from "./language";
import { type Layer, layersOf } from "./map/layers";
import { ask } from "./service";

/** Terrains and highest surfaces, and not whatever else a job makes. */
const SURFACE = /(^|\/)(dtm|dsm)[^/]*\.tif$/;

export interface Surface {
  job: string;
  layer: Layer;
  name: string;
  isShown: boolean;
}

export interface Surfaces {
  element: HTMLElement;
  jobs: () => string[];
  layers: (job: string) => Layer[];
  all: () => Surface[];
  shown: () => Surface[];
  add: (job: string) => Promise<void>;
}

/** The surfaces with their boxes, and the choice of further results; `changed` when what is shown is another. */
export function surfaces(jobs: Job[], processes: Process[], changed: () => void): Surfaces {
  const known = new Map<string, Layer[]>();
  const found: Surface[] = [];
  const list = h("div", { class: "surfaces" });
  const choice = h("select");
  const titles = new Map(processes.map((one) => [one.id, told(one, "title")]));
  const nameOf = (job: Job) => `${titles.get(job.processID) ?? job.processID} ${moment(job.created)}`;
  const offer = () => {
    const rest = jobs.filter((job) => !known.has(job.jobID));
    fill(choice, h("option", { value: "" }, t("choose-result")), rest.map((job) => h("option", { value: job.jobID }, nameOf(job))));
    choice.parentElement?.toggleAttribute("hidden", rest.length === 0);
  };
  const show = () => {
    const boxes = found.map((surface, place) => {
      const box = h("input", { type: "checkbox", checked: surface.isShown });
      box.addEventListener("change", () => {
        surface.isShown = box.checked;
        changed();
      });
      return h("label", { class: "pick" }, box, h("span", { class: `swatch line-${place % 6}` }), surface.name);
    });
    fill(list, boxes);
    offer();
  };
  const add = async (job: string) => {
    if (known.has(job)) return;
    const layers = await layersOf(job);
    known.set(job, layers);
    const own = layers.filter((layer) => SURFACE.test(layer.path)).sort((a, b) => rank(a.path) - rank(b.path) || a.path.localeCompare(b.path));
    for (const layer of own) found.push({ job, layer, name: told(layer, "title").replace(/ ?\(m\)$/, ""), isShown: /dtm/.test(layer.path) });
    if (known.size > 1) distinguish(found, jobs);
    show();
  };
  choice.addEventListener("change", () => {
    if (choice.value) void add(choice.value).then(changed);
  });
  const element = h("fieldset", { class: "data" }, h("legend", {}, t("epochs")), list, labelled(t("add-result"), choice));
  offer();
  return { element, jobs: () => [...known.keys()], layers: (job) => known.get(job) ?? [], all: () => found, shown: () => found.filter((one) => one.isShown), add };
}

function rank(path: string): number {
  return (/before/.test(path) ? 0 : 1) + (/dsm/.test(path) ? 2 : 0);
}

/** Surfaces of several jobs carry the day of their job. */
function distinguish(found: Surface[], jobs: Job[]): void {
  const made = new Map(jobs.map((job) => [job.jobID, job.created]));
  for (const surface of found) {
    const day = ` [${surface.job.slice(0, 4)}${made.has(surface.job) ? ` ${moment(made.get(surface.job)!)}` : ""}]`;
    if (!surface.name.endsWith("]")) surface.name += day;
  }
}

/** Jobs that may have made a terrain, the newest first. */
export async function jobsWithTerrain(): Promise<Job[]> {
  const made = ["terrain-model", "volume-change", "volume-epochs", "tree-inventory"].map((process) => `processID=${process}`);
  const { jobs } = await ask<{ jobs: Job[] }>(`jobs?status=successful&limit=200&${made.join("&")}`);
  return jobs;
}
