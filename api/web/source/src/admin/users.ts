// Users: all of them, then one with role, password, keys and projects.

import { type Child, fill, h, table } from "../dom";
import { choice, doing, form, labelled, toldOnce } from "../forms";
import { moment } from "../format";
import { keysSection } from "../keys";
import { type Key, t } from "../language";
import { ask, change, remove, send } from "../service";
import { whoIsThere } from "../session";
import type { Project, User } from "./answers";

const at = (name: string) => `admin/users/${encodeURIComponent(name)}`;

export async function showUsers(place: HTMLElement, name?: string): Promise<void> {
  const { users } = await ask<{ users: User[] }>("admin/users");
  const user = users.find((one) => one.name === name);
  if (user) await showOne(place, user);
  else fill(place, list(users), addUser(place));
}

function list(users: User[]): HTMLElement {
  const rows = users.map((user) => [
    h("a", { href: `#/admin/users/${encodeURIComponent(user.name)}` }, user.name),
    state(user),
    Object.entries(user.projects).map(([project, role]) => h("div", {}, `${project}: ${t(role as Key)}`)),
    user.n_keys,
    moment(user.created),
  ]);
  return table(t("users"), [t("user-name"), t("state"), t("projects"), t("n-keys"), t("created")], rows, [3]);
}

function state(user: User): Child {
  return [
    user.is_admin && h("span", { class: "badge running" }, t("admin")),
    !user.is_active && h("span", { class: "badge failed" }, t("shut-out")),
    user.is_active && !user.has_password && h("span", { class: "badge" }, t("no-password")),
    user.locked_until && h("span", { class: "badge failed" }, t("locked", moment(user.locked_until))),
  ];
}

function addUser(place: HTMLElement): HTMLElement {
  const name = h("input", { required: true, maxlength: 100, pattern: "[A-Za-z0-9][A-Za-z0-9._@\\-]*", autocomplete: "off" });
  const isAdmin = h("input", { type: "checkbox" });
  const fields = [labelled(t("user-name"), name, t("user-name-help")), labelled(t("admin"), isAdmin, t("admin-help"))];
  const add = async () => {
    const made = await send<User & { password: string }>("admin/users", { name: name.value, is_admin: isAdmin.checked });
    await showUsers(place);
    const shown = h("div");
    place.prepend(shown);
    toldOnce(shown, `${made.name} ${t("password")}`, made.password);
  };
  return h("section", { class: "box" }, h("h2", {}, t("add-user")), form(fields, t("add"), add));
}

async function showOne(place: HTMLElement, user: User): Promise<void> {
  const { projects } = await ask<{ projects: Project[] }>("admin/projects");
  const trouble = h("p", { class: "problem", role: "alert" });
  const keys = await keysSection(`${at(user.name)}/keys`, user.is_admin ? projects.map((one) => one.id) : Object.keys(user.projects));
  fill(
    place,
    h("p", {}, h("a", { href: "#/admin/users" }, t("to-list"))),
    h("h2", {}, user.name, " ", state(user)),
    trouble,
    account(place, user, trouble),
    roles(user, projects, trouble),
    user.is_active && keys,
  );
}

function account(place: HTMLElement, user: User, trouble: HTMLElement): HTMLElement {
  const once = h("div");
  const set = async (wanted: object) => {
    await change("PATCH", at(user.name), wanted);
    await showUsers(place, user.name);
  };
  const isOneself = user.name === whoIsThere()?.name;
  const box = h("input", { type: "checkbox", checked: user.is_admin, disabled: isOneself || !user.is_active });
  box.addEventListener("change", () => {
    set({ is_admin: box.checked }).catch((error: Error) => {
      trouble.textContent = error.message;
      box.checked = user.is_admin;
    });
  });
  const shut = doing(t("shut-out"), trouble, async () => {
    if (confirm(t("really-shut-out", user.name))) await set({ is_active: false });
  });
  shut.disabled = isOneself;
  const fresh = doing(t("reset-password"), trouble, async () => {
    const { password } = await send<{ password: string }>(`${at(user.name)}/password`, {});
    toldOnce(once, `${user.name} ${t("password")}`, password);
  });
  const open = [fresh, shut];
  const closed = [doing(t("let-in"), trouble, () => set({ is_active: true }))];
  return h(
    "section",
    {},
    labelled(t("admin"), box, t("admin-help")),
    once,
    h("p", { class: "actions" }, user.is_active ? open : closed),
    user.is_active && h("p", { class: "hint" }, `${t("reset-password")}: ${t("reset-help")} ${t("shut-out")}: ${t("shut-out-help")}`),
  );
}

function roles(user: User, projects: Project[], trouble: HTMLElement): HTMLElement {
  const rows = projects.map((project) => {
    const select = roleChoice(user.projects[project.id] ?? "", t("role-in", project.id), true);
    select.addEventListener("change", () => {
      setRole(project.id, user.name, select.value).catch((error: Error) => {
        trouble.textContent = error.message;
        select.value = user.projects[project.id] ?? "";
      });
    });
    return [project.id, project.title, select];
  });
  return h("section", {}, h("h2", {}, t("projects")), user.is_admin && h("p", { class: "hint" }, t("admin-all")), table(t("projects"), [t("project-id"), t("project-title"), t("role")], rows));
}

export function roleChoice(role: string, label: string, isOptional: boolean): HTMLSelectElement {
  const all: [string, string][] = [["", t("no-role")], ["viewer", t("viewer")], ["operator", t("operator")]];
  return choice(isOptional ? all : all.slice(1), role, label);
}

export async function setRole(project: string, user: string, role: string): Promise<void> {
  const path = `admin/projects/${encodeURIComponent(project)}/members/${encodeURIComponent(user)}`;
  if (role === "") await remove(path);
  else await change("PUT", path, { role });
}
