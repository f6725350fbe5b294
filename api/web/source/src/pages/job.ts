// One job: stages, percent, time left, log; then its results.

import { isOver, type JobStatus, type ProcessDescription, type Results } from "../answers";
import { cancelButton } from "../cancel";
import { fill, h } from "../dom";
import { downloads, isCopc } from "../downloads";
import { follow } from "../follow";
import { duration, moment } from "../format";
import { bilingual, half, t, told } from "../language";
import { ask, askText, messageOf } from "../service";

const FOREST = ["forest-carbon", "tree-inventory"];

export async function show(main: HTMLElement, parts: string[]): Promise<() => void> {
  const id = encodeURIComponent(parts[0] ?? "");
  const first = await ask<JobStatus>(`jobs/${id}`);
  const process = await ask<ProcessDescription>(`processes/${first.processID}`).catch(() => null);
  const title = process ? told(process, "title") : first.processID;
  const state = h("div", { "aria-live": "polite" });
  const stages = h("ol", { class: "stages" });
  const result = h("section", { "aria-label": t("results") });
  const trouble = h("p", { class: "problem", role: "alert" });
  const actions = h("div", { class: "actions" });
  fill(
    main,
    h("h1", {}, title),
    h("p", { class: "hint" }, t("job-number", first.jobID), " · ", t("accepted-on", moment(first.created))),
    state,
    trouble,
    actions,
    result,
    h("section", {}, h("h2", {}, t("stages")), stages),
    used(first, process),
    log(id),
  );
  let seen = "";
  const look = async (): Promise<boolean> => {
    try {
      const job = await ask<JobStatus>(`jobs/${id}`);
      trouble.textContent = "";
      fill(stages, job.stages.map((stage) => stageLine(stage, job.status)));
      showState(state, job);
      if (job.status !== seen) {
        seen = job.status;
        fill(actions, actionsFor(job, trouble));
        if (isOver(job.status)) await showEnd(result, job);
      }
      return !isOver(job.status);
    } catch (error) {
      trouble.textContent = messageOf(error);
      return true;
    }
  };
  await look();
  return isOver(first.status) ? () => {} : follow(look, 1);
}

function showState(place: HTMLElement, job: JobStatus): void {
  const times: string[] = [];
  if (job.queue_position) times.push(t("queue-place", job.queue_position));
  if (job.timing.running_s !== undefined) times.push(t("running-for", duration(job.timing.running_s)));
  if (job.timing.estimated_finish && !isOver(job.status)) {
    const left = (Date.parse(job.timing.estimated_finish) - Date.now()) / 1000;
    times.push(t("time-left", duration(left)));
  }
  const meter = place.querySelector("progress");
  if (!meter) {
    fill(place, h("p", { class: "headline" }), h("p", { class: "meter" }, h("progress", { max: 100, "aria-label": t("progress") }), h("span", { class: "percent" })), h("p", { class: "hint times" }));
    showState(place, job);
    return;
  }
  meter.value = job.progress;
  place.querySelector(".percent")!.textContent = `${job.progress} %`;
  place.querySelector(".times")!.textContent = times.join(" · ");
  const message = job.exception ? "" : told(job, "message"); // showEnd says what went wrong
  const headline = place.querySelector(".headline")!;
  if (headline.textContent !== t(job.status) + message) fill(headline, h("span", { class: `badge ${job.status}` }, t(job.status)), message);
}

/** A stage and how far it is; one that the job's end cut off has the job's state. */
function stageLine(stage: JobStatus["stages"][number], status: JobStatus["status"]): HTMLElement {
  const share = stage.state === "running" ? ` ${Math.round(100 * stage.fraction)} %` : "";
  const state = stage.state === "running" && isOver(status) ? t(status) : t(`stage-${stage.state}`);
  return h("li", { class: stage.state }, bilingual(stage.title), h("small", {}, `${state}${share}`));
}

function actionsFor(job: JobStatus, trouble: HTMLElement): HTMLElement[] {
  const again = h("a", { class: "button", href: `#/order/${job.processID}?from=${job.jobID}` }, t("repeat"));
  if (isOver(job.status)) return [again];
  return [cancelButton(job.jobID, trouble), again];
}

async function showEnd(place: HTMLElement, job: JobStatus): Promise<void> {
  if (job.status === "failed" && job.exception) {
    fill(place, h("div", { class: "problem", role: "alert" }, h("strong", {}, told(job.exception, "title")), h("p", {}, told(job.exception, "detail"))));
  }
  if (job.status !== "successful") return;
  const results = await ask<Results>(`jobs/${job.jobID}/results`);
  const hasMap = results.outputs.some((file) => file.type.startsWith("image/tiff"));
  const isVolume = job.processID === "volume-change";
  const isForest = FOREST.includes(job.processID);
  const hasCopc = results.outputs.some(isCopc);
  const hasTerrain = results.outputs.some((file) => /(^|\/)dtm[^/]*\.tif$/.test(file.path));
  const links = (hasMap || isForest || hasCopc) && h("p", { class: "actions" }, isForest && h("a", { class: "button", href: `#/forest/${job.jobID}` }, t("see-forest")), isVolume && h("a", { class: "button", href: `#/volume/${job.jobID}` }, t("see-volume")), hasMap && h("a", { class: "button", href: `#/map?job=${job.jobID}` }, t("on-map")), hasTerrain && h("a", { class: "button", href: `#/section?job=${job.jobID}` }, t("cut-sections")), hasCopc && h("a", { class: "button", href: `#/view/${job.jobID}` }, t("see-3d")));
  fill(place, h("h2", {}, t("results")), links, downloads(job.jobID, results.outputs));
}

/** What went in, so that a result can be judged years later. */
function used(job: JobStatus, process: ProcessDescription | null): HTMLElement {
  const titleOf = (name: string): string => {
    const input = process?.inputs[name];
    return input ? (input.title_ja ? told(input, "title") : half(input.title)) : name;
  };
  const data = job.inputs.map((one) => [h("dt", {}, titleOf(one.input)), h("dd", {}, one.name)]);
  const isSet = (value: unknown) => value !== null && value !== "" && JSON.stringify(value) !== "{}";
  const settings = Object.entries(job.parameters)
    .filter(([, value]) => isSet(value))
    .map(([name, value]) => [h("dt", {}, titleOf(name)), h("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value))]);
  return h("details", {}, h("summary", {}, t("used")), h("dl", {}, data, settings));
}

function log(id: string): HTMLElement {
  const text = h("pre", { tabindex: 0, "aria-label": t("log") });
  const load = async () => {
    text.textContent = await askText(`jobs/${id}/log`).catch(messageOf);
    if (text.textContent === "") text.textContent = t("log-empty");
  };
  const element = h("details", {}, h("summary", {}, t("log")), h("p", {}, h("button", { type: "button", onclick: () => void load() }, t("reload"))), text);
  element.addEventListener("toggle", () => element.open && void load());
  return element;
}
