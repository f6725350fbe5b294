// Jobs: the live list.

import { isOver, type Job, type Process } from "../answers";
import { cancelButton } from "../cancel";
import { fill, h } from "../dom";
import { follow } from "../follow";
import { moment } from "../format";
import { t, told } from "../language";
import { ask, messageOf } from "../service";

const SHOWN = 100;

interface Line {
  element: HTMLElement;
  update: (job: Job) => void;
}

export async function show(main: HTMLElement, _: string[], query: URLSearchParams): Promise<() => void> {
  const { processes } = await ask<{ processes: Process[] }>("processes");
  const titles = new Map(processes.map((one) => [one.id, told(one, "title")]));
  const status = query.get("status") ?? "";
  const trouble = h("p", { class: "problem", role: "alert" });
  const body = h("tbody");
  const empty = h("p", {});
  fill(main, h("h1", {}, t("jobs")), filter(status), trouble, empty, frame(body));
  const lines = new Map<string, Line>();
  const look = async (): Promise<boolean> => {
    try {
      const wanted = status ? `&status=${status}` : "";
      const { jobs } = await ask<{ jobs: Job[] }>(`jobs?limit=${SHOWN}${wanted}`);
      trouble.textContent = "";
      empty.textContent = jobs.length === 0 ? t("no-jobs") : "";
      refresh(body, lines, jobs, titles, trouble);
    } catch (error) {
      trouble.textContent = messageOf(error);
    }
    return true;
  };
  await look();
  return follow(look, 2);
}

function filter(status: string): HTMLElement {
  const states = ["", "accepted", "running", "successful", "failed", "dismissed"] as const;
  const links = states.map((one) =>
    h("a", { href: one ? `#/jobs?status=${one}` : "#/jobs", "aria-current": one === status ? "true" : null }, one ? t(one) : t("all")),
  );
  return h("nav", { class: "filter", "aria-label": t("filter") }, links);
}

function frame(body: HTMLElement): HTMLElement {
  const head = [t("process"), t("state"), t("progress"), t("accepted-at"), ""];
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": t("jobs") },
    h("table", {}, h("caption", { class: "unseen" }, t("jobs")), h("thead", {}, h("tr", {}, head.map((text) => h(text ? "th" : "td", text ? { scope: "col" } : {}, text)))), body),
  );
}

/** Lines are changed in place, so that the keyboard's place in the list stays. */
function refresh(body: HTMLElement, lines: Map<string, Line>, jobs: Job[], titles: Map<string, string>, trouble: HTMLElement): void {
  const present = new Set(jobs.map((job) => job.jobID));
  for (const [id, line] of lines) {
    if (present.has(id)) continue;
    line.element.remove();
    lines.delete(id);
  }
  jobs.forEach((job, place) => {
    let line = lines.get(job.jobID);
    if (!line) {
      line = newLine(job, titles.get(job.processID) ?? job.processID, trouble);
      lines.set(job.jobID, line);
    }
    line.update(job);
    if (body.children[place] !== line.element) body.insertBefore(line.element, body.children[place] ?? null);
  });
}

function newLine(job: Job, title: string, trouble: HTMLElement): Line {
  const state = h("td");
  const bar = h("progress", { max: 100, value: 0, "aria-label": t("progress-of", title) });
  const percent = h("span", { class: "percent" });
  const message = h("small");
  const end = cancelButton(job.jobID, trouble);
  const element = h(
    "tr",
    {},
    h("td", {}, h("a", { href: `#/job/${job.jobID}` }, title), h("br"), h("small", {}, job.jobID.slice(0, 8))),
    state,
    h("td", { class: "wide" }, h("span", { class: "meter" }, bar, percent), message),
    h("td", {}, moment(job.created)),
    h("td", {}, end),
  );
  const update = (now: Job): void => {
    fill(state, h("span", { class: `badge ${now.status}` }, t(now.status)));
    bar.value = now.progress;
    percent.textContent = `${now.progress} %`;
    message.textContent = told(now, "message");
    end.hidden = isOver(now.status);
  };
  return { element, update };
}
