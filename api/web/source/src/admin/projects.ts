// Projects: what they hold and may hold, and who is in them.

import { fill, h, table } from "../dom";
import { choice, doing, form, labelled } from "../forms";
import { bytes, moment, number } from "../format";
import { t } from "../language";
import { ask, change, send } from "../service";
import type { Project, Storage, User } from "./answers";
import { roleChoice, setRole } from "./users";

const GB = 1e9;

export async function showProjects(place: HTMLElement, id?: string): Promise<void> {
  const { projects } = await ask<{ projects: Project[] }>("admin/projects");
  const project = projects.find((one) => one.id === id);
  if (project) await showOne(place, project);
  else fill(place, list(projects), addProject(place));
}

function list(projects: Project[]): HTMLElement {
  const rows = projects.map((one) => [
    h("a", { href: `#/admin/projects/${encodeURIComponent(one.id)}` }, one.id),
    one.title,
    useOf(one),
    number(one.n_datasets),
    number(one.n_jobs),
    number(one.members.length),
    moment(one.created),
  ]);
  const head = [t("project-id"), t("project-title"), t("use"), t("n-datasets"), t("n-jobs"), t("members"), t("created")];
  return table(t("projects"), head, rows, [3, 4, 5]);
}

/** What a project holds, as a bar where there is a limit. */
export function useOf(project: Project): HTMLElement {
  const { used_bytes: used, limit_bytes: limit } = project;
  if (limit === 0) return h("span", {}, t("no-limit", bytes(used)));
  return h("div", { class: "wide" }, h("progress", { max: limit, value: used, "aria-label": t("use-of", project.id) }), h("small", {}, t("of", bytes(used), bytes(limit))));
}

function addProject(place: HTMLElement): HTMLElement {
  const id = h("input", { required: true, maxlength: 40, pattern: "[a-z0-9][a-z0-9\\-]*", autocomplete: "off" });
  const title = h("input", { maxlength: 200, autocomplete: "off" });
  const fields = [labelled(t("project-id"), id, t("project-id-help")), labelled(t("project-title"), title)];
  const add = async () => {
    await send("admin/projects", { id: id.value, title: title.value });
    await showProjects(place);
  };
  return h("section", { class: "box" }, h("h2", {}, t("add-project")), form(fields, t("add"), add));
}

async function showOne(place: HTMLElement, project: Project): Promise<void> {
  const usual = await ask<Storage>("admin/storage");
  const people = await ask<{ users: User[] }>("admin/users").catch(() => ({ users: [] })); // an open service has none
  fill(
    place,
    h("p", {}, h("a", { href: "#/admin/projects" }, t("to-list"))),
    h("h2", {}, project.id),
    useOf(project),
    settings(place, project, usual),
    people.users.length > 0 && members(place, project, people.users),
  );
}

function settings(place: HTMLElement, project: Project, usual: Storage): HTMLElement {
  const title = h("input", { required: true, maxlength: 200, value: project.title });
  const own = project.quota_bytes === null ? "" : String(project.quota_bytes / GB);
  const quota = h("input", { type: "number", min: 0, step: "any", value: own });
  const default_ = usual.project_quota_bytes === 0 ? t("no-quota") : bytes(usual.project_quota_bytes);
  const told = h("p", { class: "good", role: "status" });
  const fields = [labelled(t("project-title"), title), labelled(t("quota"), quota, t("quota-help", default_))];
  const save = async () => {
    const quotaBytes = quota.value === "" ? null : Math.round(Number(quota.value) * GB);
    await change("PATCH", `admin/projects/${encodeURIComponent(project.id)}`, { title: title.value, quota_bytes: quotaBytes });
    await showProjects(place, project.id);
    place.querySelector(".good")!.textContent = t("saved");
  };
  return h("section", {}, form(fields, t("save"), save), told);
}

function members(place: HTMLElement, project: Project, users: User[]): HTMLElement {
  const trouble = h("p", { class: "problem", role: "alert" });
  const set = async (user: string, role: string) => {
    await setRole(project.id, user, role);
    await showProjects(place, project.id);
  };
  const rows = project.members.map(({ user, role }) => {
    const select = roleChoice(role, t("role-of", user), false);
    select.addEventListener("change", () => {
      setRole(project.id, user, select.value).catch((error: Error) => {
        trouble.textContent = error.message;
      });
    });
    return [user, select, doing(t("take-out"), trouble, () => set(user, ""), t("take-out-of", user))];
  });
  const others = users.filter((one) => one.is_active && !project.members.some(({ user }) => user === one.name));
  const name = choice(others.map((one): [string, string] => [one.name, one.name]), others[0]?.name ?? "");
  const role = roleChoice("operator", "", false);
  const add = form([labelled(t("user-name"), name), labelled(t("role"), role)], t("add-member"), () => set(name.value, role.value), "inline");
  return h(
    "section",
    {},
    h("h2", {}, t("members")),
    trouble,
    rows.length === 0 ? h("p", {}, t("no-members")) : table(t("members"), [t("user-name"), t("role"), ""], rows),
    others.length > 0 && add,
  );
}
