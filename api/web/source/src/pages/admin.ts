// Administration: users, projects, storage, audit log; for administrators alone.

import { fill, h } from "../dom";
import { t } from "../language";
import { messageOf } from "../service";
import { whoIsThere } from "../session";

const PARTS = ["users", "projects", "storage", "audit"] as const;
type Part = (typeof PARTS)[number];

export async function show(main: HTMLElement, parts: string[], query: URLSearchParams): Promise<void> {
  if (!whoIsThere()?.is_admin) {
    fill(main, h("h1", {}, t("administration")), h("p", { class: "problem", role: "alert" }, t("for-admins")));
    return;
  }
  const part = PARTS.find((one) => one === parts[0]) ?? "users";
  const tabs = PARTS.map((one) => h("a", { href: `#/admin/${one}`, "aria-current": one === part ? "true" : null }, t(one)));
  const place = h("div", { class: "admin" });
  fill(main, h("h1", {}, `${t("administration")}: ${t(part)}`), h("nav", { class: "filter", "aria-label": t("administration") }, tabs), place);
  await showPart(part, place, parts[1], query).catch((error: unknown) => {
    fill(place, h("p", { class: "problem", role: "alert" }, messageOf(error)));
  });
}

async function showPart(part: Part, place: HTMLElement, name: string | undefined, query: URLSearchParams): Promise<void> {
  if (part === "users") await (await import("../admin/users")).showUsers(place, name);
  else if (part === "projects") await (await import("../admin/projects")).showProjects(place, name);
  else if (part === "storage") await (await import("../admin/storage")).showStorage(place);
  else await (await import("../admin/audit")).showAudit(place, query);
}
