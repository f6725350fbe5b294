// What if the coefficients were of another version: a new job on the same data, and both side by side.

import { type Dataset, isOver, type Job, type JobStatus, type Results } from "../answers";
import { type Child, fill, h, table } from "../dom";
import { choice, form, labelled } from "../forms";
import { moment } from "../format";
import { t, told } from "../language";
import { ask, askAll, messageOf, send } from "../service";
import { type Claim, type Constants, NUMBERS, type NumberName } from "./answers";
import { comparison } from "./compare";
import { NAMES } from "./tables";

const PROCESS = "forest-carbon";
const LOOK_MS = 1000;

type Values = Map<string, Record<NumberName, HTMLInputElement>>;

/** Whether the page is still there; the work ends with it. */
export type Alive = () => boolean;

export async function whatIf(id: string, claim: Claim, isAlive: Alive): Promise<HTMLElement> {
  const [job, datasets, jobs] = await Promise.all([
    ask<JobStatus & { project?: string }>(`jobs/${id}`),
    askAll<Dataset>("datasets", "datasets"),
    askAll<Job>("jobs?status=successful", "jobs"),
  ]);
  const result = h("div", { "aria-live": "polite" });
  const show = async (other: string) => {
    const { summary } = await ask<Results>(`jobs/${other}/results`);
    fill(result, comparison(claim, summary.value as unknown as Claim, other));
    result.querySelector<HTMLElement>(".comparison")?.focus();
  };
  return h(
    "section",
    { class: "what-if" },
    h("h2", {}, t("what-if")),
    h("p", { class: "hint" }, t("what-if-help")),
    otherConstants(job, claim, datasets, result, show, isAlive),
    otherJobs(jobs.filter((one) => one.processID === PROCESS && one.jobID !== job.jobID), show),
    result,
  );
}

function otherConstants(job: JobStatus & { project?: string }, claim: Claim, datasets: Dataset[], result: HTMLElement, show: (other: string) => Promise<void>, isAlive: Alive): HTMLElement {
  const tables = datasets.filter((one) => one.name.toLowerCase().endsWith(".csv"));
  const source = choice([["", t("edit-these")], ...tables.map((one): [string, string] => [one.id, `${one.name} (${moment(one.created)})`])], "");
  const version = h("input", { required: true, maxlength: 60, autocomplete: "off" });
  const origin = h("input", { maxlength: 200, autocomplete: "off" });
  const values: Values = new Map();
  const edited = h("div", {}, editor(claim, values), h("div", { class: "inline" }, labelled(t("version-name"), version, t("version-example")), labelled(t("constants-source"), origin)));
  source.addEventListener("change", () => {
    edited.hidden = source.value !== "";
    version.required = source.value === "";
  });
  const run = async () => {
    const constants = source.value || (await upload(csvOf(claim, values, version.value, origin.value), version.value, job.project));
    const other = await startWith(job, constants);
    await wait(other, result, isAlive);
    if (isAlive()) await show(other);
  };
  return form([labelled(t("constants-from"), source), edited], t("run-what-if"), run);
}

function editor(claim: Claim, values: Values): HTMLElement {
  const rows = claim.constants.species.map((one): Child[] => {
    const fields = Object.fromEntries(
      NUMBERS.map((name) => [name, h("input", { type: "number", min: 0.001, max: 10, step: "any", required: true, value: String(one[name]), "aria-label": `${one.species} ${t(NAMES[name])}` })]),
    ) as Record<NumberName, HTMLInputElement>;
    values.set(one.species, fields);
    return [one.species, ...NUMBERS.map((name) => fields[name])];
  });
  return table(t("edit-these"), [t("species"), ...NUMBERS.map((name) => t(NAMES[name]))], rows);
}

/** The coefficients as the table that forest-carbon reads; names that the stands use lead to the same rows. */
export function csvOf(claim: Claim, values: Values, version: string, origin: string): string {
  const cell = (text: string) => `"${text.replaceAll('"', '""').replace(/\s+/g, " ")}"`;
  const line = (one: Constants) => {
    const fields = values.get(one.species)!;
    const names = claim.stands.filter((stand) => stand.constants === one.species && stand.species !== one.species).map((stand) => stand.species);
    const isSame = NUMBERS.every((name) => Number(fields[name].value) === one[name]);
    const [source, status] = isSame ? [one.source, one.status] : [origin, "unconfirmed"]; // who edits has not confirmed
    return [cell(one.species), cell([...new Set(names)].join(";")), cell(one.name_en), ...NUMBERS.map((name) => fields[name].value), cell(one.stem_table), cell(source), cell(status)].join(",");
  };
  const head = (name: string, value: string) => `# ${name}: ${value.replace(/\s+/g, " ")}`;
  const columns = ["species", "aliases", "name_en", ...NUMBERS, "stem_table", "source", "status"].join(",");
  return [head("version", version), head("source", origin), head("status", "unconfirmed"), columns, ...claim.constants.species.map(line), ""].join("\n");
}

async function upload(text: string, version: string, project: string | undefined): Promise<string> {
  const name = `constants ${version.replace(/[\\/:*?"<>|\s]+/g, "_")}.csv`;
  const query = new URLSearchParams({ name, ...(project ? { project } : {}) });
  const { id } = await ask<Dataset>(`datasets?${query.toString()}`, { method: "POST", body: new Blob([text], { type: "text/csv" }) });
  return id;
}

/** The same data and settings with those coefficients; the new job's id. */
async function startWith(job: JobStatus, constants: string): Promise<string> {
  const inputs: Record<string, unknown> = { ...job.parameters };
  for (const { input, dataset } of job.inputs) {
    if (input === "constants") continue;
    const before = inputs[input] as string | string[] | undefined;
    inputs[input] = before === undefined ? dataset : [before, dataset].flat();
  }
  const made = await send<{ jobID: string }>(`processes/${PROCESS}/execution`, { inputs: { ...inputs, constants } });
  return made.jobID;
}

async function wait(id: string, place: HTMLElement, isAlive: Alive): Promise<void> {
  const bar = h("progress", { max: 100, value: 0, "aria-label": t("progress") });
  fill(place, h("p", { class: "meter" }, t("what-if-runs"), bar, h("a", { href: `#/job/${id}` }, t("to-job"))));
  for (;;) {
    const job = await ask<JobStatus>(`jobs/${id}`);
    bar.value = job.progress;
    if (job.status === "successful" || !isAlive()) return;
    if (isOver(job.status)) throw new Error(job.exception ? told(job.exception, "detail") : t(job.status));
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function otherJobs(jobs: Job[], show: (other: string) => Promise<void>): HTMLElement {
  if (jobs.length === 0) return h("p", { class: "hint" }, t("no-other-claim"));
  const select = choice(jobs.map((one): [string, string] => [one.jobID, `${moment(one.created)} (${one.jobID.slice(0, 8)})`]), jobs[0]!.jobID);
  const trouble = h("p", { class: "problem", role: "alert" });
  const compare = h("button", { type: "button", onclick: () => void show(select.value).catch((error: unknown) => (trouble.textContent = messageOf(error))) }, t("compare"));
  return h("div", {}, h("div", { class: "inline" }, labelled(t("compare-with"), select), h("p", { class: "actions" }, compare)), trouble);
}
