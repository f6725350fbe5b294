// A new job: which process, which data, which settings; the form is made from what the process says of itself.

import type { Dataset, JobStatus, Process, ProcessDescription } from "../answers";
import { type DataField, dataField, dataKind } from "../data_field";
import { fill, h } from "../dom";
import { estimateOf } from "../estimate";
import { type Field, parameterField } from "../fields";
import { number } from "../format";
import { t, told } from "../language";
import { ask, askAll, messageOf, Problem, send } from "../service";
import { KEPT_LINE } from "../section_drawings";
import { inProject } from "../session";

/** Settings that most people need; the others stand folded below. */
const USUAL = ["crs", "cell", "before_date", "after_date", "interval", "width", "project"];
/** So many are shown at once. */
const FEW = 6;

interface Given {
  data: Record<string, string[]>;
  parameters: Record<string, unknown>;
  /** Input whose line was drawn on another page. */
  drawn: string | null;
}

export async function show(main: HTMLElement, parts: string[], query: URLSearchParams): Promise<(() => void) | void> {
  const { processes } = await ask<{ processes: Process[] }>("processes");
  if (!parts[0]) {
    fill(main, h("h1", {}, t("new-job")), h("ul", { class: "cards" }, processes.map(card)));
    return;
  }
  const [process, datasets, given] = await Promise.all([
    ask<ProcessDescription>(`processes/${encodeURIComponent(parts[0])}`),
    askAll<Dataset>("datasets", "datasets"),
    givenBy(query),
  ]);
  fill(main, h("h1", {}, told(process, "title")), h("p", { class: "lead" }, told(process, "description")));
  const { element, leave } = form(process, datasets, given);
  main.append(element);
  return leave;
}

function card(process: Process): HTMLElement {
  return h("li", {}, h("a", { href: `#/order/${process.id}` }, told(process, "title")), h("p", {}, told(process, "description")));
}

/** What the address names: data by input, or an earlier job to run once more. */
async function givenBy(query: URLSearchParams): Promise<Given> {
  const from = query.get("from");
  if (from === null) return { data: grouped([...query]), parameters: Object.fromEntries(query), drawn: query.get("drawn") };
  const job = await ask<JobStatus>(`jobs/${encodeURIComponent(from)}`);
  return { data: grouped(job.inputs.map((one) => [one.input, one.dataset])), parameters: job.parameters, drawn: null };
}

function grouped(pairs: [string, string][]): Record<string, string[]> {
  const groups: Record<string, string[]> = {};
  for (const [name, value] of pairs) (groups[name] ??= []).push(value);
  return groups;
}

function form(process: ProcessDescription, datasets: Dataset[], given: Given): { element: HTMLElement; leave: () => void } {
  const fields = new Map<string, Field>();
  const data = new Map<string, DataField>();
  const byId = new Map(datasets.map((one) => [one.id, one]));
  const settings = h("div");
  const extent = h("p", { class: "hint", "aria-live": "polite" });
  const chosen = () => [...data.values()].flatMap((field) => field.chosen()).flatMap((id) => byId.get(id) ?? []);
  const changed = () => {
    const now = chosen();
    fill(extent, extentOf(now));
    for (const field of data.values()) field.drawn?.about(now);
    offerCrs();
  };
  const names = Object.keys(process.inputs);
  for (const name of names) {
    const input = process.inputs[name]!;
    const kind = dataKind(input);
    if (kind === null) continue;
    const field = dataField(name, input, kind, datasets, given.data[name] ?? [], given.drawn === name ? sessionStorage.getItem(KEPT_LINE) : null, changed);
    data.set(name, field);
    fields.set(name, field);
  }
  const parameters = names.filter((name) => !data.has(name));
  for (const name of parameters) {
    fields.set(name, parameterField(name, process.inputs[name]!, given.parameters[name], candidatesOf(chosen())));
  }
  /** The proposals for the reference system follow the chosen files. */
  function offerCrs(): void {
    const old = fields.get("crs");
    const input = process.inputs.crs;
    if (!old || !input) return;
    const field = parameterField("crs", input, given.parameters.crs, candidatesOf(chosen()));
    old.element.replaceWith(field.element);
    fields.set("crs", field);
  }
  const [must, may] = [true, false].map((isNeeded) =>
    [...data].filter(([name]) => process.inputs[name]!.minOccurs > 0 === isNeeded).map(([, field]) => field.element),
  );
  const areFew = parameters.length <= FEW;
  const isUsual = (name: string) => areFew || USUAL.includes(name) || process.inputs[name]!.minOccurs > 0;
  const elements = (wanted: boolean) => parameters.filter((name) => isUsual(name) === wanted).map((name) => fields.get(name)!.element);
  const rest = elements(false);
  fill(settings, elements(true), rest.length > 0 && h("details", {}, h("summary", {}, t("more-settings", rest.length)), rest));
  changed();
  const trouble = h("p", { class: "problem", role: "alert" });
  const submit = h("button", { type: "submit", class: "main" }, t("start"));
  const expected = h("div", { "aria-live": "polite" });
  const preview = h("button", { type: "button" }, t("estimate"));
  const showEstimate = async (inputs: Record<string, unknown>) => fill(expected, await estimateOf(process.id, inputs));
  preview.addEventListener("click", () => void submitTo(showEstimate, fields, preview, trouble));
  const element = h(
    "form",
    { novalidate: true, class: "order" },
    h("section", {}, h("h2", {}, t("data")), must, extent, may!.length > 0 && h("details", { open: hasGiven(may!) }, h("summary", {}, t("more-data", may!.length)), may)),
    h("section", {}, h("h2", {}, t("settings")), settings),
    expected,
    h("div", { class: "actions" }, submit, preview, trouble),
  );
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    void submitTo((inputs) => start(process.id, inputs), fields, submit, trouble);
  });
  const leave = () => [...data.values()].forEach((field) => field.drawn?.leave());
  return { element, leave };
}

function hasGiven(elements: HTMLElement[]): boolean {
  return elements.some((element) => element.querySelector("input:checked:not([value='']), details[open]") !== null);
}

/** What the fields say; throws where one of them is wrong. */
function inputsOf(fields: Map<string, Field>): Record<string, unknown> {
  const inputs: Record<string, unknown> = {};
  for (const [name, field] of fields) {
    const value = field.read();
    if (value !== undefined) inputs[name] = value;
  }
  return inputs;
}

/** Sends what the fields say; what is wrong is told beside its field. */
async function submitTo(action: (inputs: Record<string, unknown>) => Promise<void>, fields: Map<string, Field>, button: HTMLButtonElement, trouble: HTMLElement): Promise<void> {
  trouble.textContent = "";
  try {
    const inputs = inputsOf(fields);
    button.disabled = true;
    await action(inputs);
  } catch (error) {
    trouble.textContent = messageOf(error);
    if (error instanceof Problem) fields.get(String(error.body.field ?? ""))?.refuse(error.message);
  } finally {
    button.disabled = false;
  }
}

async function start(process: string, inputs: Record<string, unknown>): Promise<void> {
  const job = await send<JobStatus>(inProject(`processes/${process}/execution`), { inputs });
  location.hash = `#/job/${job.jobID}`;
}

function candidatesOf(chosen: Dataset[]): string[] {
  const unknown = chosen.filter((one) => one.kind === "pointcloud" && !one.info.crs);
  return unknown[0]?.info.crs_candidates ?? [];
}

/** How much is to be worked on. */
function extentOf(chosen: Dataset[]): string {
  const clouds = chosen.filter((one) => one.kind === "pointcloud");
  if (clouds.length === 0) return "";
  const points = clouds.reduce((sum, one) => sum + (one.info.n_points ?? 0), 0);
  const area = clouds.reduce((sum, one) => {
    const [x0, y0, x1, y1] = one.info.bounds ?? [0, 0, 0, 0];
    return sum + (x1 - x0) * (y1 - y0);
  }, 0);
  return t("extent", clouds.length, number(points), number(area / 10_000, 1));
}
