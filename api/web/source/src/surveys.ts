// Point clouds grouped into surveys: what was flown or driven at one time by one method.

import type { Dataset } from "./answers";
import { fill, freshId, h } from "./dom";
import { number } from "./format";
import { t } from "./language";
import { change, messageOf } from "./service";

export const METHODS = ["LP", "ALB", "MMS", "UAV", "TLS"] as const;

export interface Group {
  title: string;
  datasets: Dataset[];
}

/** Surveys by time, then what nothing is known of, then what is no point cloud; empty groups are left out. */
export function grouped(datasets: Dataset[]): Group[] {
  const clouds = datasets.filter((one) => one.kind === "pointcloud");
  const others = datasets.filter((one) => one.kind !== "pointcloud");
  const groups = new Map<string, Dataset[]>();
  for (const cloud of clouds) {
    const key = surveyKey(cloud);
    groups.set(key, [...(groups.get(key) ?? []), cloud]);
  }
  const known = [...groups].filter(([key]) => key !== "").sort(([a], [b]) => a.localeCompare(b));
  const unknown = groups.get("") ?? [];
  return [
    ...known.map(([, members]) => ({ title: surveyTitle(members[0]!), datasets: members })),
    { title: t("survey-unknown"), datasets: unknown },
    { title: t("other-data"), datasets: others },
  ].filter((group) => group.datasets.length > 0);
}

/** The same for all files of a survey; sorts by time. */
export function surveyKey(dataset: Dataset): string {
  return dataset.epoch || dataset.method ? `${dataset.epoch ?? "?"} ${dataset.method ?? ""}` : "";
}

function surveyTitle({ epoch, method }: Dataset): string {
  const name = method && (METHODS as readonly string[]).includes(method) ? t(`method-${method as (typeof METHODS)[number]}`) : t("method-unknown");
  return t("survey-title", epoch ?? t("epoch-unknown"), name);
}

/** Files, points and area of a group, where it has points. */
export function sizeOf(datasets: Dataset[]): string {
  const points = datasets.reduce((sum, one) => sum + (one.info.n_points ?? 0), 0);
  return points > 0 ? t("survey-size", datasets.length, number(points)) : t("n-files", datasets.length);
}

/** Method and time for the chosen files, where their names do not say them or say them wrongly. */
export function surveyForm(chosen: () => Dataset[], done: () => void): HTMLElement {
  const ids = [freshId(), freshId()] as const;
  const method = h("select", { id: ids[0] }, h("option", { value: "" }, t("not-said")), METHODS.map((one) => h("option", { value: one }, t(`method-${one}`))));
  const epoch = h("input", { id: ids[1], placeholder: "2021-07-05", pattern: "(19|20)[0-9]{2}(-[0-9]{2}(-[0-9]{2})?)?", autocomplete: "off" });
  const trouble = h("p", { class: "problem", role: "alert" });
  const form = h(
    "form",
    { class: "actions" },
    h("label", { for: ids[0] }, t("method-of-survey")),
    method,
    h("label", { for: ids[1] }, t("epoch")),
    epoch,
    h("button", { type: "submit" }, t("say-survey")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    trouble.textContent = "";
    const said = { method: method.value || null, epoch: epoch.value.trim() || null };
    const clouds = chosen().filter((one) => one.kind === "pointcloud");
    void Promise.all(clouds.map((one) => describe(one.id, said))).then(done, (error: unknown) => fill(trouble, messageOf(error)));
  });
  return h("details", {}, h("summary", {}, t("say-survey")), h("p", { class: "hint" }, t("say-survey-help")), form, trouble);
}

export async function describe(id: string, said: { method?: string | null; epoch?: string | null }): Promise<void> {
  await change("PATCH", `datasets/${id}`, said);
}

/** What the folders say that a file came in, such as 2021/LP/08ND77.laz; as the service reads zips. */
export function saidByFolders(path: string): { method?: string; epoch?: string } {
  const words = path.toUpperCase().split(/[^0-9A-Z]+/);
  const only = (found: string[]) => (new Set(found).size === 1 ? found[0] : undefined);
  const method = only(words.filter((word) => (METHODS as readonly string[]).includes(word)));
  const epoch = only(words.filter((word) => /^(19|20)\d\d$/.test(word)));
  return { ...(method && { method }), ...(epoch && { epoch }) };
}
