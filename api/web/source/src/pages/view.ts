// 3-D view of a job's COPC files, streamed by byte ranges. What it takes is loaded with this page alone.

import type { File, Results } from "../answers";
import { fill, h } from "../dom";
import { downloads, filePath, isCopc } from "../downloads";
import { choice, labelled } from "../forms";
import { number } from "../format";
import { t } from "../language";
import { ask, messageOf } from "../service";
import type { View } from "../view/scene";

const MILLIONS = ["0.5", "1", "2", "5", "10"];
const DIRECTIONS = [
  ["from-corner", [-0.5, -1, 0.8]],
  ["from-above", [0, -0.001, 1]],
  ["from-south", [0, -1, 0.05]],
  ["from-west", [-1, 0, 0.05]],
] as const;

export async function show(main: HTMLElement, parts: string[], query: URLSearchParams): Promise<() => void> {
  const job = encodeURIComponent(parts[0] ?? "");
  const { outputs } = await ask<Results>(`jobs/${job}/results`);
  const files = outputs.filter(isCopc);
  const file = files.find((one) => one.path === query.get("file")) ?? files[0];
  const place = h("div", { class: "view-page" });
  const head = h("p", { class: "hint" }, t("job-number", parts[0] ?? ""), " · ", h("a", { href: `#/job/${job}` }, t("to-job")));
  fill(main, h("h1", {}, t("view-3d")), head, place, h("details", {}, h("summary", {}, t("files")), downloads(job, outputs)));
  main.classList.add("whole");
  if (!file) throw new Error(t("no-copc"));
  const left = () => main.classList.remove("whole");
  if (!document.createElement("canvas").getContext("webgl2")) {
    fill(place, h("p", { class: "warning", role: "alert" }, t("no-webgl")));
    return left;
  }
  try {
    const leave = await start(place, job, file, files);
    return () => {
      leave();
      left();
    };
  } catch (error) {
    fill(place, h("p", { class: "problem", role: "alert" }, t("bad-copc", file.path, messageOf(error))));
    return left;
  }
}

async function start(place: HTMLElement, job: string, file: File, files: File[]): Promise<() => void> {
  const began = performance.now();
  const [{ openCopc }, { View }, { choices, colouring }, { tools }] = await Promise.all([import("../view/copc"), import("../view/scene"), import("../view/colours"), import("../view/tools")]);
  const canvas = h("canvas", { tabindex: 0, role: "application", "aria-label": t("view-of", file.path) });
  const panel = h("div", { class: "panel" });
  const state = h("p", { class: "readout", role: "status" });
  const trouble = h("p", { class: "problem", role: "alert" });
  fill(place, panel, h("div", { class: "map-frame" }, canvas, state));
  const cloud = await openCopc(filePath(job, file.path));
  const watch = ({ nShown, isLoading }: { nShown: number; isLoading: boolean }) => {
    state.textContent = `${t("points-shown", number(nShown), number(cloud.nPoints))}${isLoading ? ` · ${t("loading")}` : ""}`;
    canvas.toggleAttribute("data-loading", isLoading);
  };
  const view = new View(canvas, cloud, watch, (error) => (trouble.textContent = t("bad-copc", file.path, messageOf(error))));
  const sample = await view.fetch("0-0-0-0");
  const legend = h("div", { class: "legend" });
  const select = choice(choices(sample), "z");
  const paint = () => {
    const chosen = colouring(select.value, sample, cloud.origin[2]!);
    view.colour(chosen);
    fill(legend, chosen.legend);
  };
  select.addEventListener("change", paint);
  fill(panel, fileChoice(job, file, files), labelled(t("colour-points"), select), legend, settings(view), directions(view), tools(view), trouble);
  paint();
  view.lookFrom([...DIRECTIONS[0][1]]);
  requestAnimationFrame(() => requestAnimationFrame(() => canvas.setAttribute("data-first-frame-ms", (performance.now() - began).toFixed(0))));
  return () => view.leave();
}

function fileChoice(job: string, file: File, files: File[]): HTMLElement | null {
  if (files.length < 2) return null;
  const select = choice(files.map((one): [string, string] => [one.path, one.path]), file.path);
  select.addEventListener("change", () => (location.hash = `#/view/${job}?file=${encodeURIComponent(select.value)}`));
  return labelled(t("point-file"), select);
}

function settings(view: View): HTMLElement {
  const size = h("input", { type: "range", min: 1, max: 8, step: 0.5, value: 2 });
  size.addEventListener("input", () => view.size(Number(size.value)));
  const most = choice(MILLIONS.map((one): [string, string] => [one, t("million-points", one)]), "2");
  most.addEventListener("change", () => {
    view.most = Number(most.value) * 1e6;
    view.refine();
  });
  return h("div", {}, labelled(t("point-size"), size), labelled(t("most-points"), most));
}

function directions(view: View): HTMLElement {
  const buttons = DIRECTIONS.map(([name, direction]) => h("button", { type: "button", onclick: () => view.lookFrom([...direction]) }, t(name)));
  return h("div", { role: "group", "aria-label": t("views"), class: "actions" }, buttons);
}
