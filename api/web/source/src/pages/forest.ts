// Forest: trees and stands on the map, the stand table, CO2 with its coefficients, and what another version would give.

import { type Results } from "../answers";
import { fill, h } from "../dom";
import { downloads } from "../downloads";
import { type Claim, type Found, type Inventory, isClaim } from "../forest/answers";
import { forestMap } from "../forest/map";
import { coefficients, standTable, unconfirmed, yearTable } from "../forest/tables";
import { whatIf } from "../forest/what_if";
import { number } from "../format";
import { bilingual, t } from "../language";
import { ask, messageOf } from "../service";

const SCHEMAS = ["tengun/carbon/1", "tengun/trees/1"];

export async function show(main: HTMLElement, parts: string[]): Promise<() => void> {
  const job = encodeURIComponent(parts[0] ?? "");
  const results = await ask<Results>(`jobs/${job}/results`);
  const result = results.summary.value as unknown as Claim | Inventory;
  if (!SCHEMAS.includes(result.schema)) throw new Error(t("no-forest"));
  const claim = isClaim(result) ? result : null;
  const found: Found | undefined = isClaim(result) ? result.inventory : result;
  const place = h("section", { class: "volume-map", "aria-label": t("forest-map") });
  const trial = h("div");
  let go = (_: string) => {};
  let isLeft = false;
  let leave = () => {};
  fill(
    main,
    h("h1", {}, t("forest-result")),
    h("p", { class: "hint" }, t("job-number", parts[0] ?? ""), claim && ` · ${claim.methodology}`, found && ` · ${found.crs}`, " · ", h("a", { href: `#/job/${job}` }, t("to-job"))),
    claim ? creditFigures(claim) : found && treeFigures(found),
    warnings(result),
    place,
    result.stands && result.stands.length > 0 && standTable(result.stands, (id) => go(id)),
    claim && yearTable(claim),
    claim && coefficients(claim),
    trial,
    h("section", {}, h("h2", {}, t("files")), h("p", {}, h("button", { type: "button", onclick: () => window.print() }, t("print"))), downloads(job, results.outputs)),
  );
  try {
    const map = await forestMap(place, job, found?.crs ?? null);
    ({ go, leave } = map);
  } catch (error) {
    fill(place, h("p", { class: "problem", role: "alert" }, t("no-map", messageOf(error))));
  }
  if (claim) {
    whatIf(job, claim, () => !isLeft).then((element) => fill(trial, element), (error: unknown) => fill(trial, h("p", { class: "problem" }, messageOf(error))));
  }
  return () => {
    isLeft = true;
    leave();
  };
}

function figure(name: string, value: string, note = ""): HTMLElement {
  return h("div", { class: "figure" }, h("dt", {}, name), h("dd", {}, h("strong", {}, value), note && h("small", {}, note)));
}

function creditFigures({ total, count }: Claim): HTMLElement {
  const [low, high] = total.credit_ci95_t;
  return h(
    "dl",
    { class: "figures" },
    figure(t("credit-total"), `${number(total.credit_t, 1)} t-CO2`, `${t("ci95")} ${number(low, 1)} ${t("to")} ${number(high, 1)}`),
    figure(t("conservative-total"), `${number(total.conservative_t, 1)} t-CO2`),
    figure(t("stands-counted"), `${number(total.area_ha, 2)} ha`, t("stands-of", count.credited, count.excluded, count.refused)),
  );
}

function treeFigures(found: Found): HTMLElement {
  return h(
    "dl",
    { class: "figures" },
    figure(t("n-trees"), number(found.n_trees)),
    figure(t("median-height"), found.height_m ? `${number(found.height_m.median, 1)} m` : ""),
    figure(t("surveyed-area"), `${number(found.area_m2 / 10_000, 2)} ha`),
  );
}

function warnings(result: Claim | Inventory): HTMLElement[] {
  const texts = [...new Set((result.notes ?? []).map(bilingual))];
  if (isClaim(result)) {
    const many = unconfirmed(result);
    if (many > 0) texts.unshift(t("unconfirmed-warning", many));
  }
  return texts.map((text) => h("p", { class: "warning" }, text));
}
