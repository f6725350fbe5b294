// The audit log: looked through, saved as CSV, checked for tampering.

import { fill, h, table } from "../dom";
import { choice, doing, labelled } from "../forms";
import { number } from "../format";
import { language, t } from "../language";
import { address, ask } from "../service";
import type { AuditLine, Verdict } from "./answers";

const STEP = 100;
const FIELDS = ["actor", "action", "target", "outcome", "since", "until"] as const;

export async function showAudit(place: HTMLElement, query: URLSearchParams): Promise<void> {
  const wanted = new URLSearchParams(FIELDS.flatMap((name) => (query.get(name) ? [[name, query.get(name)!]] : [])));
  const offset = Math.max(Number(query.get("offset")) || 0, 0);
  const page = new URLSearchParams([...wanted, ["limit", String(STEP)], ["offset", String(offset)]]);
  const { lines, n_matched: nMatched } = await ask<{ lines: AuditLine[]; n_matched: number }>(`admin/audit?${page.toString()}`);
  fill(place, filter(wanted), actions(wanted), found(lines, nMatched, offset), pages(wanted, offset, nMatched));
}

function filter(wanted: URLSearchParams): HTMLElement {
  const field = (name: string, type = "text") => h("input", { type, name, value: wanted.get(name) ?? "", autocomplete: "off" });
  const outcome = choice([["", t("all")], ["2", t("outcome-done")], ["4", t("outcome-refused")], ["5", t("outcome-broken")]], wanted.get("outcome") ?? "");
  outcome.name = "outcome";
  const fields = [
    labelled(t("actor"), field("actor")),
    labelled(t("action"), field("action")),
    labelled(t("target-part"), field("target")),
    labelled(t("outcome"), outcome),
    labelled(t("since"), field("since", "date")),
    labelled(t("until"), field("until", "date")),
  ];
  const element = h("form", { class: "inline", role: "search", "aria-label": t("audit") }, fields, h("p", { class: "actions" }, h("button", { type: "submit" }, t("apply"))));
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    const values = [...new FormData(element)].map(([name, value]) => [name, String(value).trim()]).filter(([, value]) => value);
    location.hash = `#/admin/audit?${new URLSearchParams(values).toString()}`;
  });
  return element;
}

function actions(wanted: URLSearchParams): HTMLElement {
  const trouble = h("p", { class: "problem", role: "alert" });
  const told = h("p", { role: "status", class: "wrap" });
  const check = doing(t("verify"), trouble, async () => {
    const verdict = await ask<Verdict>("admin/audit/verification");
    told.className = verdict.state === "broken" ? "wrap problem" : "wrap good";
    told.textContent = verdict.state === "broken" ? t("broken", verdict.broken_at ?? 0) : t("unbroken", number(verdict.n_lines), verdict.last_digest || "-");
  });
  const csv = h("a", { class: "button", href: address(`admin/audit/export.csv?${wanted.toString()}`), download: "audit.csv" }, t("save-csv"));
  return h("div", {}, h("p", { class: "actions" }, csv, check), told, trouble);
}

function found(lines: AuditLine[], nMatched: number, offset: number): HTMLElement {
  if (lines.length === 0) return h("p", {}, t("no-audit-lines"));
  const time = new Intl.DateTimeFormat(language() === "ja" ? "ja-JP" : "en-GB", { dateStyle: "short", timeStyle: "medium" });
  const rows = lines.map((line) => [
    h("span", { class: "kind" }, time.format(new Date(line.at))),
    line.actor,
    h("small", {}, `${line.via} `, line.address),
    line.action,
    h("span", { class: "wrap" }, line.target),
    line.outcome,
    line.times,
  ]);
  const head = [t("time"), t("actor"), `${t("via")}・${t("from-address")}`, t("action"), t("target"), t("outcome"), t("times")];
  return h("div", {}, h("p", { class: "hint" }, t("n-lines-found", number(nMatched), number(offset + 1), number(offset + lines.length))), table(t("audit"), head, rows, [6]));
}

function pages(wanted: URLSearchParams, offset: number, nMatched: number): HTMLElement {
  const to = (place: number) => `#/admin/audit?${new URLSearchParams([...wanted, ["offset", String(place)]]).toString()}`;
  return h(
    "p",
    { class: "actions" },
    offset > 0 && h("a", { class: "button", href: to(Math.max(offset - STEP, 0)) }, t("newer")),
    offset + STEP < nMatched && h("a", { class: "button", href: to(offset + STEP) }, t("older")),
  );
}
