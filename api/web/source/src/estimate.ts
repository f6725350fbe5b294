// What a job would take, told before it is started.

import { h } from "./dom";
import { bytes, duration, number } from "./format";
import { bilingual, t } from "./language";
import { send } from "./service";

interface Estimate {
  n_points: number;
  minutes: number;
  basis: "earlier jobs" | "benchmark";
  basis_jobs: number;
  memory_bytes: number;
  output_bytes?: number;
  jobs_waiting: number;
  problems: { code: string; en: string; ja: string }[];
}

export async function estimateOf(process: string, inputs: Record<string, unknown>): Promise<HTMLElement> {
  const found = await send<Estimate>(`processes/${process}/estimate`, { inputs });
  const parts = [
    t("takes", duration(60 * found.minutes), found.basis === "benchmark" ? t("by-benchmark") : t("by-jobs", found.basis_jobs)),
    t("n-points", number(found.n_points)),
    t("memory", bytes(found.memory_bytes)),
  ];
  if (found.output_bytes !== undefined) parts.push(t("output", bytes(found.output_bytes)));
  if (found.jobs_waiting > 0) parts.push(t("waiting-before", found.jobs_waiting));
  const problems = [...new Set(found.problems.map(bilingual))];
  return h("div", {}, h("p", {}, parts.join(" · ")), problems.map((problem) => h("p", { class: "warning" }, problem)));
}
