// Storage: the disk, for how long things are kept, and what every project holds.

import { fill, h, table } from "../dom";
import { bytes, number } from "../format";
import { t } from "../language";
import { ask } from "../service";
import type { Project, Storage } from "./answers";

export async function showStorage(place: HTMLElement): Promise<void> {
  const [disk, { projects }] = await Promise.all([ask<Storage>("admin/storage"), ask<{ projects: Project[] }>("admin/projects")]);
  const days = (count: number) => (count === 0 ? t("for-ever") : t("days", number(count)));
  fill(
    place,
    h("h2", {}, t("disk")),
    h("p", { class: "meter" }, h("progress", { max: disk.total_bytes, value: disk.total_bytes - disk.free_bytes, "aria-label": t("disk") }), h("span", {}, t("disk-use", bytes(disk.free_bytes), bytes(disk.total_bytes)))),
    disk.free_bytes < disk.min_free_bytes && h("p", { class: "warning", role: "alert" }, t("disk-low", bytes(disk.min_free_bytes))),
    h("p", {}, t("keeping"), ": ", t("keep-results", days(disk.keep_results_days)), t("list-comma"), t("keep-datasets", days(disk.keep_datasets_days))),
    h("h2", {}, t("projects")),
    held(projects),
  );
}

function held(projects: Project[]): HTMLElement {
  const sorted = [...projects].sort((a, b) => b.used_bytes - a.used_bytes);
  const rows = sorted.map((one) => [
    h("a", { href: `#/admin/projects/${encodeURIComponent(one.id)}` }, one.title),
    bytes(one.datasets_bytes),
    bytes(one.results_bytes),
    bytes(one.uploads_bytes),
    bytes(one.used_bytes),
    one.limit_bytes === 0 ? t("no-quota") : bytes(one.limit_bytes),
  ]);
  const sum = (of: (one: Project) => number) => bytes(projects.reduce((total, one) => total + of(one), 0));
  const total = [h("strong", {}, t("sum")), sum((one) => one.datasets_bytes), sum((one) => one.results_bytes), sum((one) => one.uploads_bytes), sum((one) => one.used_bytes), ""];
  const head = [t("project"), t("bytes-datasets"), t("bytes-results"), t("bytes-uploads"), t("sum"), t("quota-short")];
  return table(t("storage"), head, [...rows, total], [1, 2, 3, 4, 5]);
}
