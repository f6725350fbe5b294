// From the section tool to drawings: a job of cross-sections with the same line, surveys and stations.

import type { JobStatus } from "./answers";
import { h } from "./dom";
import { t } from "./language";
import type { Pair } from "./map/gauss";
import { collectionOf } from "./map/shapes";
import type { Cuts } from "./profile";
import { ask, messageOf, send } from "./service";
import { inProject } from "./session";

/** Where the line waits for the form of another page. */
export const KEPT_LINE = "tengun-line";

export interface Wanted {
  jobs: string[];
  points: Pair[];
  zone: number;
  cuts: Cuts;
}

/** Names of the inputs of cross-sections, oldest first. */
const EARLIER = ["epoch_1", "epoch_2", "epoch_3", "epoch_4", "before"];

export function drawingButtons(wanted: () => Wanted | null): HTMLElement {
  const trouble = h("p", { class: "problem", role: "alert" });
  const make = h("button", { type: "button", class: "main" }, t("make-drawings"));
  const more = h("button", { type: "button" }, t("more-choices"));
  const act = (button: HTMLButtonElement, go: (what: Wanted) => Promise<void>) => async () => {
    trouble.textContent = "";
    const what = wanted();
    if (what === null) {
      trouble.textContent = t("draw-first");
      return;
    }
    button.disabled = true;
    await go(what).catch((error: unknown) => (trouble.textContent = messageOf(error)));
    button.disabled = false;
  };
  make.addEventListener("click", () => void act(make, start)());
  more.addEventListener("click", () => void act(more, openForm)());
  return h("div", {}, h("p", { class: "hint" }, t("drawings-help")), h("p", { class: "actions" }, make, more), trouble);
}

async function start(what: Wanted): Promise<void> {
  const { data, parameters } = await inputsOf(what);
  const line = { value: collectionOf([{ name: "line", points: what.points }], "line", what.zone) };
  const job = await send<JobStatus>(inProject("processes/cross-sections/execution"), { inputs: { ...data, ...parameters, line } });
  location.hash = `#/job/${job.jobID}`;
}

async function openForm(what: Wanted): Promise<void> {
  const { data, parameters } = await inputsOf(what).catch(() => ({ data: {}, parameters: { ...what.cuts } }));
  sessionStorage.setItem(KEPT_LINE, JSON.stringify(collectionOf([{ name: "line", points: what.points }], "line", what.zone)));
  const query = new URLSearchParams({ drawn: "line" });
  for (const [name, ids] of Object.entries(data as Record<string, string[]>)) for (const id of ids) query.append(name, id);
  for (const [name, value] of Object.entries(parameters)) query.set(name, String(value));
  location.hash = `#/order/cross-sections?${query.toString()}`;
}

/** The surveys behind the results, the last one as `survey`. Throws where they cannot be told apart. */
async function inputsOf(what: Wanted): Promise<{ data: Record<string, string[]>; parameters: Record<string, unknown> }> {
  const jobs = await Promise.all(what.jobs.map((job) => ask<JobStatus>(`jobs/${job}`)));
  const epochs = jobs.flatMap(surveysOf).filter((ids, place, all) => all.findIndex((other) => other.join() === ids.join()) === place);
  const last = epochs.at(-1);
  if (!last || epochs.length > EARLIER.length + 1) throw new Error(t("no-surveys"));
  const earlier = epochs.slice(0, -1);
  const names = EARLIER.slice(EARLIER.length - earlier.length);
  const data = Object.fromEntries([...earlier.map((ids, place) => [names[place]!, ids] as const), ["survey", last] as const]);
  const { crs, same_heights: isSame } = jobs[0]?.parameters ?? {};
  const parameters = { ...what.cuts, ...(crs ? { crs } : {}), ...(isSame === true ? { same_heights: true } : {}) };
  return { data, parameters };
}

function surveysOf(job: JobStatus): string[][] {
  const of = (name: string) => job.inputs.filter((one) => one.input === name).map((one) => one.dataset);
  if (job.processID === "volume-change") return [of("before"), of("after")];
  if (job.processID === "volume-epochs") throw new Error(t("no-surveys"));
  return [of("survey")];
}
