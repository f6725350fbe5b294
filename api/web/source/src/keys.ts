// API keys of somebody: list, make (shown once), end.

import { fill, h, table } from "./dom";
import { choice, doing, form, labelled, toldOnce } from "./forms";
import { moment } from "./format";
import { t } from "./language";
import { ask, remove, send } from "./service";

interface ApiKey {
  id: string;
  title: string;
  project?: string;
  created: string;
  expires?: string;
  key?: string;
}

/** The keys at that address; `projects` are those that a key may be for. */
export async function keysSection(path: string, projects: string[]): Promise<HTMLElement> {
  const list = h("div");
  const once = h("div");
  const trouble = h("p", { class: "problem", role: "alert" });
  const show = async () => {
    const { keys } = await ask<{ keys: ApiKey[] }>(path);
    fill(list, keys.length === 0 ? h("p", {}, t("no-keys")) : keyTable(keys, path, trouble, show));
  };
  await show();
  const title = h("input", { maxlength: 200, required: true });
  const project = choice([["", t("all")], ...projects.map((one): [string, string] => [one, one])], "");
  const days = h("input", { type: "number", min: 1, max: 3650, step: 1 });
  const fields = [labelled(t("purpose"), title), labelled(t("key-project"), project), labelled(t("key-days"), days)];
  const make = form(fields, t("new-key"), async () => {
    const made = await send<ApiKey>(path, { title: title.value, project: project.value || null, days: days.value ? Number(days.value) : null });
    await show();
    toldOnce(once, t("keys"), made.key ?? "");
  }, "inline");
  return h("section", {}, h("h2", {}, t("keys")), h("p", { class: "hint" }, t("keys-help")), trouble, once, list, make);
}

function keyTable(keys: ApiKey[], path: string, trouble: HTMLElement, refresh: () => Promise<void>): HTMLElement {
  const rows = keys.map((key) => {
    const name = key.title || key.id.slice(0, 8);
    const end = async () => {
      if (!confirm(t("really-end-key", name))) return;
      await remove(`${path}/${key.id}`);
      await refresh();
    };
    return [name, key.project ?? t("all"), moment(key.created), key.expires ? moment(key.expires) : t("never"), doing(t("end-key"), trouble, end, t("end-key-of", name))];
  });
  return table(t("keys"), [t("purpose"), t("project"), t("created"), t("expires"), ""], rows);
}
