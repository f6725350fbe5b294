// Form fields made from the JSON Schema of a process's parameters.

import type { Input, Schema } from "./answers";
import { crsName } from "./crs";
import { freshId, h } from "./dom";
import { half, t } from "./language";

export interface Field {
  element: HTMLElement;
  /** What to send; undefined where the default is to stand. Throws an Error that says what to do. */
  read: () => unknown;
  /** Shows the service's own objection beside the field. */
  refuse: (message: string) => void;
}

/** The schema without "or null", and whether nothing may be said. */
function plain(schema: Schema): { schema: Schema; isOptional: boolean } {
  const kinds = schema.anyOf ?? [];
  const some = kinds.find((one) => one.type !== "null");
  if (kinds.length === 2 && some && kinds.some((one) => one.type === "null")) {
    return { schema: { ...schema, anyOf: undefined, ...some }, isOptional: true };
  }
  return { schema, isOptional: false };
}

/** The unit that the help names, such as m3 in "(m3)". */
export function unitOf(help: string): string {
  const unit = /\((m|m2|m3|m²|m³|%|°|s)\)/.exec(help)?.[1] ?? "";
  return unit.replace("m2", "m²").replace("m3", "m³");
}

export function parameterField(name: string, input: Input, given: unknown, crsCandidates: string[]): Field {
  const { schema, isOptional } = plain(input.schema);
  const help = half(input.description ?? "");
  const id = freshId();
  const start = given ?? schema.default;
  const control = controlOf(id, name, schema, isOptional, start, crsCandidates);
  const error = h("p", { class: "problem", id: `${id}-error`, role: "alert" });
  control.setAttribute("aria-describedby", `${id}-help ${id}-error`);
  if (input.minOccurs > 0) control.setAttribute("required", "");
  const unit = control instanceof HTMLSelectElement || control.type === "checkbox" ? "" : unitOf(`${input.description ?? ""}`);
  const title = half(input.title);
  const isBox = control instanceof HTMLInputElement && control.type === "checkbox";
  const label = h("label", { for: id }, title);
  const element = h(
    "div",
    { class: isBox ? "field box" : "field", "data-field": name },
    isBox ? [control, label] : [label, h("span", { class: "control" }, control, unit && h("span", { class: "unit" }, unit))],
    h("p", { class: "hint", id: `${id}-help` }, help, limits(schema)),
    error,
  );
  const refuse = (message: string) => {
    error.textContent = message;
    control.toggleAttribute("aria-invalid", message !== "");
    if (message) control.setAttribute("aria-invalid", "true");
  };
  const read = () => {
    refuse("");
    if (!control.checkValidity()) {
      const message = control.validity.valueMissing ? t("to-choose") : control.validationMessage;
      refuse(message);
      control.focus();
      throw new Error(`${title}: ${message}`);
    }
    return valueOf(control, schema, title, refuse);
  };
  return { element, read, refuse };
}

type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

function controlOf(id: string, name: string, schema: Schema, isOptional: boolean, start: unknown, candidates: string[]): Control {
  if (name === "crs") return crsControl(id, String(start ?? ""), candidates);
  if (schema.enum) return choice(id, schema.enum, isOptional, start);
  if (schema.type === "boolean") return h("input", { id, type: "checkbox", checked: start === true });
  if (schema.type === "object" || schema.type === "array") {
    const text = start === undefined || start === null ? "" : JSON.stringify(start);
    return h("textarea", { id, rows: 2, spellcheck: "false", value: text === "{}" || text === "[]" ? "" : text });
  }
  const isNumber = schema.type === "number" || schema.type === "integer";
  return h("input", {
    id,
    type: isNumber ? "number" : schema.format === "date" ? "date" : "text",
    step: schema.type === "integer" ? 1 : isNumber ? "any" : null,
    min: schema.minimum ?? schema.exclusiveMinimum,
    max: schema.maximum ?? schema.exclusiveMaximum,
    maxlength: schema.maxLength,
    value: start === undefined || start === null ? "" : String(start),
  });
}

function choice(id: string, options: unknown[], isOptional: boolean, start: unknown): HTMLSelectElement {
  const select = h("select", { id }, isOptional && h("option", { value: "" }, t("not-said")));
  for (const option of options) select.append(h("option", { value: String(option) }, String(option)));
  select.value = start === undefined || start === null ? "" : String(start);
  return select;
}

/** The reference system: from the files, one of the proposals, or any of the nineteen zones. */
function crsControl(id: string, start: string, candidates: string[]): HTMLSelectElement {
  const zones = Array.from({ length: 19 }, (_, zone) => `EPSG:${6669 + zone}`);
  const rest = zones.filter((zone) => !candidates.includes(zone));
  if (start && !candidates.includes(start) && !rest.includes(start)) rest.unshift(start);
  const entry = (code: string) => h("option", { value: code }, crsName(code));
  const isOpen = candidates.length > 0 && !start;
  const select = h("select", { id }, h("option", { value: "" }, t(isOpen ? "crs-choose" : "crs-from-files")));
  if (isOpen) select.setAttribute("required", "");
  if (candidates.length) select.append(h("optgroup", { label: t("proposals") }, candidates.map(entry)));
  select.append(h("optgroup", { label: t("others") }, rest.map(entry)));
  select.value = start;
  return select;
}

function limits(schema: Schema): string {
  const least = schema.minimum ?? schema.exclusiveMinimum;
  const most = schema.maximum ?? schema.exclusiveMaximum;
  const first = schema.examples?.[0];
  const example = first === undefined || schema.type !== "object" ? "" : ` ${t("example", JSON.stringify(first))}`;
  if (least === undefined || most === undefined) return example;
  return ` ${t(schema.exclusiveMinimum === undefined ? "from-to" : "above-to", least, most)}${example}`;
}

function valueOf(control: Control, schema: Schema, title: string, refuse: (message: string) => void): unknown {
  if (control instanceof HTMLInputElement && control.type === "checkbox") return control.checked;
  const text = control.value.trim();
  if (text === "") return undefined;
  if (schema.type === "number" || schema.type === "integer") return Number(text);
  if (schema.type !== "object" && schema.type !== "array") return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    refuse(t("bad-json"));
    control.focus();
    throw new Error(`${title}: ${t("bad-json")}`);
  }
}
