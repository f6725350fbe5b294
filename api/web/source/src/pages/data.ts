// Data: bring files in, see at once what they are, and go on to a job with them.

import type { Dataset } from "../answers";
import { crsName } from "../crs";
import { answeredCrs, candidatesButton } from "../crs_question";
import { fill, freshId, h, table } from "../dom";
import { bytes, moment, number } from "../format";
import { bilingual, type Key, t } from "../language";
import { askAll, messageOf, remove } from "../service";
import { describe, type Group, grouped, saidByFolders, sizeOf, surveyForm, surveyKey } from "../surveys";
import { droppedFiles, enqueue, pathOf } from "../upload";

const KIND: Record<string, Key> = {
  pointcloud: "kind-pointcloud",
  polygons: "kind-polygons",
  lines: "kind-lines",
  points: "kind-points",
  drawing: "kind-drawing",
  heights: "kind-heights",
  raster: "kind-raster",
};

export function show(main: HTMLElement): () => void {
  const list = h("section", { "aria-labelledby": "list-title" });
  const uploads = h("ul", { class: "uploads", "aria-label": t("uploads") });
  const chosen = new Set<string>();
  const refresh = () => void listDatasets(list, chosen, refresh);
  fill(
    main,
    h("h1", {}, t("data")),
    h("p", { class: "lead" }, t("data-lead")),
    dropZone((files) => addUploads(uploads, files, refresh)),
    uploads,
    list,
  );
  refresh();
  const warn = (event: BeforeUnloadEvent) => {
    if (uploads.querySelector("progress")) event.preventDefault();
  };
  window.addEventListener("beforeunload", warn);
  return () => window.removeEventListener("beforeunload", warn);
}

function dropZone(take: (files: File[]) => void): HTMLElement {
  const picker = (name: Key, isFolder: boolean) => {
    const id = freshId();
    const input = h("input", { type: "file", id, class: "unseen", multiple: true, webkitdirectory: isFolder });
    input.addEventListener("change", () => {
      take(Array.from(input.files ?? []).filter((file) => !file.name.startsWith(".")));
      input.value = "";
    });
    return [input, h("label", { for: id, class: "button" }, t(name))];
  };
  const zone = h(
    "section",
    { class: "drop", "aria-label": t("upload") },
    h("p", {}, h("strong", {}, t("drop-here"))),
    h("p", {}, picker("choose-files", false), " ", picker("choose-folder", true)),
    h("p", { class: "hint" }, t("accepted-files")),
  );
  const mark = (isOver: boolean) => (event: DragEvent) => {
    event.preventDefault();
    zone.classList.toggle("over", isOver);
  };
  zone.addEventListener("dragover", mark(true));
  zone.addEventListener("dragleave", mark(false));
  zone.addEventListener("drop", (event) => {
    mark(false)(event);
    if (event.dataTransfer) void droppedFiles(event.dataTransfer.items).then(take);
  });
  return zone;
}

function addUploads(list: HTMLElement, files: File[], refresh: () => void): void {
  enqueue(
    files.map((file) => {
      const bar = h("progress", { max: 1, value: 0, "aria-label": t("upload-of", file.name) });
      const state = h("span", { class: "state" }, t("waiting"));
      const line = h("li", {}, h("span", { class: "name" }, file.name), h("span", {}, bytes(file.size)), bar, state);
      list.append(line);
      return {
        file,
        progress: (share: number) => {
          bar.value = share;
          fill(state, share < 1 ? `${Math.floor(100 * share)} %` : t("checking"));
        },
        done: (dataset: Dataset) => {
          fill(line, h("span", { class: "name" }, file.name), h("span", { class: "good" }, t("arrived")), findings(dataset, refresh));
          const said = saidByFolders(pathOf(file));
          if (dataset.kind !== "pointcloud" || Object.keys(said).length === 0) refresh();
          else void describe(dataset.id, said).then(refresh, refresh);
        },
        failed: (problem: Error) => {
          bar.remove();
          fill(state, h("span", { class: "problem", role: "alert" }, problem.message));
          const retry = () => {
            line.remove();
            addUploads(list, [file], refresh);
          };
          line.append(h("button", { type: "button", onclick: retry }, t("again")));
        },
      };
    }),
  );
}

async function listDatasets(place: HTMLElement, chosen: Set<string>, refresh: () => void): Promise<void> {
  const title = h("h2", { id: "list-title" }, t("datasets"));
  let datasets: Dataset[];
  try {
    datasets = await askAll<Dataset>("datasets", "datasets");
  } catch (error) {
    fill(place, title, h("p", { class: "problem", role: "alert" }, messageOf(error)));
    return;
  }
  if (datasets.length === 0) {
    fill(place, title, h("p", {}, t("no-datasets")));
    return;
  }
  const go = h("div", { class: "actions" });
  const update = () => fill(go, ...nextSteps(datasets.filter((one) => chosen.has(one.id))));
  update();
  const current = () => datasets.filter((one) => chosen.has(one.id));
  const redraw = () => void listDatasets(place, chosen, refresh);
  const groups = grouped(datasets);
  fill(place, title, go, surveyForm(current, redraw), groups.map((group) => groupTable(group, groups.length > 1, chosen, update, refresh)));
}

/** The files of a survey, with a box that chooses them all. */
function groupTable(group: Group, hasHeading: boolean, chosen: Set<string>, update: () => void, refresh: () => void): HTMLElement {
  const head = ["", t("name"), t("kind"), t("size"), t("found"), t("added"), ""];
  const rows = group.datasets.map((one) => row(one, chosen, update, refresh));
  const all = h("input", { type: "checkbox", checked: group.datasets.every((one) => chosen.has(one.id)), "aria-label": t("choose-group", group.title) });
  const files = table(group.title, head, rows, [3]);
  all.addEventListener("change", () => {
    for (const box of files.querySelectorAll<HTMLInputElement>("tbody input[type=checkbox]")) if (box.checked !== all.checked) box.click();
  });
  return h("section", {}, hasHeading && h("h3", { class: "survey" }, all, group.title, h("small", {}, sizeOf(group.datasets))), files);
}

function row(dataset: Dataset, chosen: Set<string>, update: () => void, refresh: () => void) {
  const box = h("input", { type: "checkbox", checked: chosen.has(dataset.id), "aria-label": t("choose", dataset.name) });
  box.addEventListener("change", () => {
    if (box.checked) chosen.add(dataset.id);
    else chosen.delete(dataset.id);
    update();
  });
  const bin = async () => {
    if (!confirm(t("really-remove", dataset.name))) return;
    try {
      await remove(`datasets/${dataset.id}`);
      chosen.delete(dataset.id);
      refresh();
    } catch (error) {
      alert(messageOf(error));
    }
  };
  const kind = KIND[dataset.kind];
  const label = t("remove-one", dataset.name);
  return [
    box,
    h("span", { class: "name" }, dataset.name),
    h("span", { class: "kind" }, kind ? t(kind) : dataset.kind),
    bytes(dataset.size),
    findings(dataset, refresh),
    moment(dataset.created),
    h("button", { type: "button", class: "quiet", "aria-label": label, onclick: () => void bin() }, t("remove")),
  ];
}

/** What a file says about itself, in one glance; what to put right stands below. */
function findings(dataset: Dataset, refresh: () => void): HTMLElement {
  const info = dataset.info;
  const facts: string[] = [];
  if (info.n_points !== undefined) facts.push(t("n-points", number(info.n_points)));
  if (info.density_per_m2) facts.push(t("density", number(info.density_per_m2, 1)));
  if (info.crs) facts.push(crsName(info.crs));
  if (info.vertical_datum && info.vertical_datum !== "unknown") facts.push(info.vertical_datum);
  if (info.created) facts.push(t("file-date", info.created));
  if (info.n_zones !== undefined && info.n_zones !== null) facts.push(t("n-zones", info.n_zones));
  if (info.n_lines !== undefined && info.n_lines !== null) facts.push(t("n-lines", info.n_lines));
  if (info.names?.length) facts.push(info.names.slice(0, 5).join("、"));
  return h("div", { class: "findings" }, facts.join(" · "), question(dataset, refresh), info.problems.filter((note) => note.code !== "crs").map((note) =>
    h("p", { class: "warning" }, bilingual(note)),
  ));
}

function question(dataset: Dataset, refresh: () => void): HTMLElement | null {
  const candidates = dataset.info.crs_candidates ?? [];
  if (dataset.info.crs || candidates.length === 0) return null;
  const answered = answeredCrs(dataset);
  const text = answered ? t("crs-answered", crsName(answered)) : [t("crs-missing", crsName(candidates[0]!)), candidates.length > 1 ? t("crs-others", candidates.length - 1) : ""];
  return h("div", { class: answered ? "hint" : "warning" }, text, " ", dataset.info.bounds && candidatesButton(dataset, refresh));
}

function nextSteps(chosen: Dataset[]): (HTMLElement | string)[] {
  const clouds = chosen.filter((one) => one.kind === "pointcloud");
  if (clouds.length === 0) return [h("p", { class: "hint" }, t("choose-hint"))];
  const zones = chosen.filter((one) => one.kind === "polygons").map((one) => `zones=${one.id}`);
  const link = (process: string, query: string[], key: Key) =>
    h("a", { class: "button", href: `#/order/${process}?${query.join("&")}` }, t(key));
  const crs = clouds.map(answeredCrs).find((one) => one !== null);
  if (crs) zones.push(`crs=${crs}`);
  const survey = [...clouds.map((one) => `survey=${one.id}`), ...(crs ? [`crs=${crs}`] : [])];
  const times = [...new Set(clouds.map(surveyKey))].sort();
  const steps = [h("span", {}, t("n-chosen", chosen.length)), link("terrain-model", survey, "make-terrain")];
  if (times.length === 2 && times.every((time) => time !== "")) {
    const pairs = clouds.map((one) => `${surveyKey(one) === times[0] ? "before" : "after"}=${one.id}`);
    steps.push(link("volume-change", [...pairs, ...zones], "make-volume"));
  } else if (clouds.length === 2) {
    const [before, after] = [...clouds].sort(byEpoch) as [Dataset, Dataset];
    steps.push(link("volume-change", [`before=${before.id}`, `after=${after.id}`, ...zones], "make-volume"));
  } else {
    steps.push(link("volume-change", [...clouds.map((one) => `before=${one.id}`), ...zones], "make-volume"));
  }
  return steps;
}

/** The earlier survey first: by what the names say, then by when the files were made. */
function byEpoch(a: Dataset, b: Dataset): number {
  const rank = (one: Dataset) => (/before|変化前|前/i.test(one.name) ? 0 : /after|変化後|後/i.test(one.name) ? 2 : 1);
  return rank(a) - rank(b) || (a.info.created ?? "").localeCompare(b.info.created ?? "") || a.name.localeCompare(b.name);
}
