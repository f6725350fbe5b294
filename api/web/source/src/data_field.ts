// The field for a process's data: which of the uploaded files go in, polygons by map sheet code, or what is drawn.

import type { Dataset, Input } from "./answers";
import type { Field } from "./fields";
import { freshId, h } from "./dom";
import { labelled } from "./forms";
import { bytes, moment } from "./format";
import { messageOf } from "./service";
import { t, told } from "./language";
import { sheetPolygons } from "./area";
import { type DrawnField, drawnField } from "./drawn_field";

const TAKEN: Record<string, string[]> = { lines: ["lines", "drawing"], surface: ["drawing"], table: ["drawing"] };

/** The kind of data that an input takes, which its description begins with; null for a parameter. */
export function dataKind(input: Input): string | null {
  return /^(\w+): dataset ids/.exec(input.description ?? "")?.[1] ?? null;
}

const DRAWN = { polygons: "polygon", lines: "line" } as const;

export interface DataField extends Field {
  chosen: () => string[];
  /** What can be drawn in place of a file, where something can. */
  drawn: DrawnField | null;
}

export function dataField(
  name: string,
  input: Input,
  kind: string,
  datasets: Dataset[],
  given: string[],
  drawnBefore: string | null,
  changed: () => void,
): DataField {
  const taken = TAKEN[kind] ?? [kind];
  const offered = datasets.filter((one) => taken.includes(one.kind));
  const isMany = input.maxOccurs === "unbounded";
  const title = told(input, "title");
  const error = h("p", { class: "problem", role: "alert" });
  const group = freshId();
  const boxes = offered.map((one) => {
    const box = h("input", { type: isMany ? "checkbox" : "radio", name: group, value: one.id, checked: given.includes(one.id) });
    box.addEventListener("change", changed);
    return { box, line: h("label", { class: "pick" }, box, h("span", { class: "name" }, one.name), h("small", {}, `${bytes(one.size)} · ${moment(one.created)}`)) };
  });
  const none = h("input", { type: "radio", name: group, value: "", checked: given.length === 0 });
  none.addEventListener("change", changed);
  const codes = h("input", { placeholder: "08ND7783, 08ND7784", autocomplete: "off", spellcheck: "false" });
  const byCode = kind === "polygons" && labelled(t("by-sheets"), codes);
  const drawn = kind in DRAWN ? drawnField(DRAWN[kind as keyof typeof DRAWN], drawnBefore) : null;
  const element = h(
    "fieldset",
    { class: "data", "data-field": name },
    h("legend", {}, title, input.minOccurs > 0 && h("span", { class: "must" }, t("needed"))),
    h("div", { class: "picks" }, !isMany && input.minOccurs === 0 && h("label", { class: "pick" }, none, t("none")), boxes.map((one) => one.line)),
    byCode,
    drawn?.element,
    offered.length === 0 && h("p", { class: "hint" }, t("none-of-kind"), " ", h("a", { href: "#/data" }, t("to-data"))),
    error,
  );
  const chosen = () => boxes.filter((one) => one.box.checked).map((one) => one.box.value);
  const refuse = (message: string) => {
    error.textContent = message;
  };
  const area = () => {
    try {
      return sheetPolygons(codes.value);
    } catch (error) {
      refuse(messageOf(error));
      codes.focus();
      throw error;
    }
  };
  const read = () => {
    refuse("");
    if (codes.value.trim() !== "") return area();
    const own = drawn?.read();
    if (own) return own;
    const ids = chosen();
    if (ids.length === 0 && input.minOccurs > 0) {
      refuse(t("choose-data"));
      element.querySelector("input")?.focus();
      throw new Error(`${title}: ${t("choose-data")}`);
    }
    return ids.length === 0 ? undefined : isMany ? ids : ids[0];
  };
  return { element, read, refuse, chosen, drawn };
}
