// Two claims side by side: totals, stands, and the coefficients in which they differ.

import { type Child, h, table } from "../dom";
import { number, signed } from "../format";
import { t } from "../language";
import { type Claim, NUMBERS } from "./answers";
import { NAMES } from "./tables";

export function comparison(mine: Claim, other: Claim, otherJob: string): HTMLElement {
  const head = [t("quantity"), t("this-job", mine.constants.version), t("other-job", other.constants.version), t("difference")];
  const row = (name: string, a: number | null | undefined, b: number | null | undefined): Child[] => {
    const isKnown = typeof a === "number" && typeof b === "number";
    return [name, typeof a === "number" ? number(a, 1) : "", typeof b === "number" ? number(b, 1) : "", isKnown ? signed(b - a, 1) : ""];
  };
  const others = new Map(other.stands.map((one) => [one.id, one]));
  const rows = [
    row(`${t("credit-total")} t-CO2`, mine.total.credit_t, other.total.credit_t),
    row(`${t("conservative-total")} t-CO2`, mine.total.conservative_t, other.total.conservative_t),
    row(t("whole-tons"), mine.total.whole_t, other.total.whole_t),
    ...mine.stands.map((one) => row(`${t("stand")} ${one.id} (${one.species}) t-CO2`, one.net_t, others.get(one.id)?.net_t)),
  ];
  return h(
    "section",
    { class: "comparison", tabindex: -1 },
    h("h3", {}, t("comparison")),
    table(t("comparison"), head, rows, [1, 2, 3]),
    changes(mine, other),
    h("p", {}, h("a", { href: `#/forest/${encodeURIComponent(otherJob)}` }, t("to-other"))),
  );
}

function changes(mine: Claim, other: Claim): HTMLElement {
  const others = new Map(other.constants.species.map((one) => [one.species, one]));
  const rows = mine.constants.species.flatMap((one) => {
    const their = others.get(one.species);
    if (!their) return [];
    return NUMBERS.filter((name) => one[name] !== their[name]).map((name) => [`${one.species} ${t(NAMES[name])}`, String(one[name]), String(their[name])]);
  });
  if (rows.length === 0) return h("p", { class: "hint" }, t("same-constants"));
  const head = [t("changed-constants"), t("this-job", mine.constants.version), t("other-job", other.constants.version)];
  return table(t("changed-constants"), head, rows, [1, 2]);
}
