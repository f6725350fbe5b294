// The drawn shapes as figures: draw, upload, type; the way for the keyboard, and for whoever has the coordinates.

import { fill, freshId, h } from "./dom";
import { number } from "./format";
import { t } from "./language";
import { romanZone } from "./crs";
import type { Drawing } from "./map/draw";
import type { Pair } from "./map/gauss";
import { areaOf, FEWEST, lengthOf, type Shape, shapesOf } from "./map/shapes";
import { messageOf } from "./service";

export interface Coordinates {
  element: HTMLElement;
  /** Shows what the drawing has now. */
  refresh: () => void;
}

/** Buttons and the table of corners of a drawing; `settled` is called when something was typed or brought. */
export function coordinates(drawing: Drawing, most: number, settled: () => void): Coordinates {
  const list = h("div");
  const isOpen = new Set<string>(); // tables that the reader opened
  const trouble = h("p", { class: "problem", role: "alert" });
  const draw = h("button", { type: "button" });
  const refresh = () => {
    draw.textContent = t(drawing.isDrawing() ? "draw-end" : drawing.kind === "line" ? "draw-line" : "draw-area");
    fill(list, drawing.shapes().map((shape, place) => shapeFields(drawing, shape, place, most, changed, isOpen)));
  };
  const changed = () => {
    drawing.set(drawing.shapes());
    refresh();
    settled();
  };
  draw.addEventListener("click", () => {
    if (drawing.isDrawing()) drawing.finish();
    else drawing.begin();
    refresh();
  });
  const type = h("button", { type: "button" }, t("type-coordinates"));
  type.addEventListener("click", () => {
    drawing.set(most === 1 ? [] : drawing.shapes());
    fill(list, ...list.children, typing(drawing, most, changed));
    list.querySelector<HTMLElement>("textarea")?.focus();
  });
  const id = freshId();
  const picker = h("input", { type: "file", id, class: "unseen", accept: ".geojson,.json,application/geo+json" });
  picker.addEventListener("change", () => void bring(picker, drawing, most, trouble).then((isDone) => isDone && changed()));
  refresh();
  const help = h("p", { class: "hint" }, t("draw-help"));
  return { element: h("div", { class: "drawing" }, h("p", { class: "actions" }, draw, type, picker, h("label", { for: id, class: "button" }, t("bring-geojson"))), help, trouble, list), refresh };
}

async function bring(picker: HTMLInputElement, drawing: Drawing, most: number, trouble: HTMLElement): Promise<boolean> {
  const file = picker.files?.[0];
  picker.value = "";
  trouble.textContent = "";
  if (!file) return false;
  try {
    const { shapes, zone } = shapesOf(await file.text(), drawing.kind, drawing.zone());
    if (shapes.some((shape) => shape.points.length < FEWEST[drawing.kind])) throw new Error(t("too-few", FEWEST[drawing.kind]));
    drawing.setZone(zone);
    drawing.set(most === 1 ? shapes.slice(0, 1) : [...drawing.shapes(), ...shapes]);
    if (shapes.length > most) trouble.textContent = t("only-first", shapes.length);
    return true;
  } catch (error) {
    trouble.textContent = `${file.name}: ${messageOf(error)}`;
    return false;
  }
}

/** One shape: its name, its size, its corners. */
function shapeFields(drawing: Drawing, shape: Shape, place: number, most: number, changed: () => void, isOpen: Set<string>): HTMLElement {
  const name = h("input", { value: shape.name, "aria-label": t("shape-name") });
  name.addEventListener("change", () => {
    shape.name = name.value.trim() || shape.name;
    changed();
  });
  const remove = h("button", { type: "button", class: "quiet" }, t("remove"));
  remove.addEventListener("click", () => {
    drawing.set(drawing.shapes().filter((_, other) => other !== place));
    changed();
  });
  const size = drawing.kind === "line" ? `${number(lengthOf(shape.points), 2)} m` : `${number(areaOf(shape.points), 1)} m²`;
  const table = h("details", { open: isOpen.has(shape.name) }, h("summary", {}, t("corners", shape.points.length, romanZone(drawing.zone()))), corners(drawing, shape, changed));
  table.addEventListener("toggle", () => (table.open ? isOpen.add(shape.name) : isOpen.delete(shape.name)));
  return h(
    "div",
    { class: "shape" },
    h("p", { class: "control" }, most > 1 && name, h("span", {}, size), remove),
    table,
  );
}

function corners(drawing: Drawing, shape: Shape, changed: () => void): HTMLElement {
  const field = (point: Pair, part: 0 | 1, label: string) => {
    const input = h("input", { type: "number", step: "any", value: point[part].toFixed(2), "aria-label": label });
    input.addEventListener("change", () => {
      if (!input.checkValidity() || input.value === "") return;
      point[part] = Number(input.value);
      changed();
    });
    return input;
  };
  const rows = shape.points.map((point, place) => {
    const drop = h("button", { type: "button", class: "quiet", "aria-label": t("remove-corner", place + 1), disabled: shape.points.length <= FEWEST[drawing.kind] }, "×");
    drop.addEventListener("click", () => {
      shape.points.splice(place, 1);
      changed();
    });
    return h("tr", {}, h("th", { scope: "row" }, place + 1), h("td", {}, field(point, 1, t("corner-x", place + 1))), h("td", {}, field(point, 0, t("corner-y", place + 1))), h("td", {}, drop));
  });
  const more = h("button", { type: "button" }, t("add-corner"));
  more.addEventListener("click", () => {
    const [x, y] = shape.points.at(-1)!;
    const [x0, y0] = shape.points.at(-2)!;
    shape.points.push([2 * x - x0, 2 * y - y0]);
    changed();
  });
  return h("div", {}, h("table", { class: "corners" }, h("thead", {}, h("tr", {}, h("td"), h("th", { scope: "col" }, t("x-north")), h("th", { scope: "col" }, t("y-east")), h("td"))), h("tbody", {}, rows)), h("p", {}, more));
}

/** Corners as text, one a line, as they come out of a table. */
function typing(drawing: Drawing, most: number, changed: () => void): HTMLElement {
  const id = freshId();
  const text = h("textarea", { id, rows: 4, spellcheck: "false", placeholder: "-98330.00, 52060.00\n-98280.00, 52160.00" });
  const error = h("p", { class: "problem", role: "alert" });
  const done = h("button", { type: "button" }, t("draw-end"));
  done.addEventListener("click", () => {
    const points = text.value.split("\n").filter((line) => line.trim() !== "").map((line) => line.trim().split(/[\s,、\t]+/).map(Number));
    const isGood = points.length >= FEWEST[drawing.kind] && points.every((point) => point.length === 2 && point.every(Number.isFinite));
    error.textContent = isGood ? "" : t("bad-coordinates", FEWEST[drawing.kind]);
    if (!isGood) return text.focus();
    const shape: Shape = { name: String(drawing.shapes().length + 1), points: points.map(([x, y]) => [y!, x!]) };
    drawing.set(most === 1 ? [shape] : [...drawing.shapes(), shape]);
    changed();
  });
  return h("div", { class: "field" }, h("label", { for: id }, t("coordinates-label", romanZone(drawing.zone()))), text, error, h("p", {}, done));
}
