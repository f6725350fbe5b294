// The drawing of a profile: lines with their gaps, cut and fill between two of them, stations, a cursor.

import { fill, freshId, h } from "./dom";
import { number, signed } from "./format";
import { t } from "./language";
import { between, heightAt, type Series } from "./profile";

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 58;
const RIGHT = 14;
const TOP = 22;
const BOTTOM = 36;
const USUAL_HEIGHT = 250;
const TALLEST = 900;
/** Pixels of a letter of a station name. */
const LETTER = 7;

export interface Drawn {
  lines: { series: Series; name: string; place: number }[];
  /** Earlier and later line, between which cut and fill are coloured. */
  pair: [Series, Series] | null;
  marks: { at: number; name: string }[];
  length: number;
  /** Distance that is called zero: the centre of a section. */
  zero: number;
  /** Times by which heights are enlarged against distances; 0 to fit. */
  enlarged: number;
}

export interface Chart {
  element: HTMLElement;
  draw: (what: Drawn) => void;
  /** Puts the cursor at a distance; null takes it away. */
  point: (distance: number | null) => void;
  leave: () => void;
}

/** A chart; `pointed` is told where the reader points. */
export function profileChart(label: string, pointed: (distance: number | null) => void): Chart {
  const svg = shape("svg", { role: "img", "aria-label": label, class: "profile" });
  const readout = h("p", { class: "readout heights" });
  const id = freshId();
  const slider = h("input", { type: "range", id, min: 0, max: 1, step: "any", value: 0 });
  const element = h("div", { class: "chart" }, readout, h("label", { for: id, class: "unseen" }, t("cursor")), slider);
  element.prepend(svg);
  let now: Drawn | null = null;
  let scale = (distance: number) => distance;
  const cursor = shape("g", { class: "cursor" });
  let last: number | null = null;
  const point = (distance: number | null) => {
    last = distance;
    cursor.replaceChildren();
    if (now === null || distance === null) return fill(readout, t("point-chart"));
    const at = Math.min(Math.max(distance, 0), now.length);
    const x = scale(at);
    cursor.append(shape("line", { x1: x, x2: x, y1: TOP, y2: Number(svg.getAttribute("height")) - BOTTOM }));
    slider.value = String(at);
    const words = told(now, at);
    slider.setAttribute("aria-valuetext", words.join(", "));
    fill(readout, words.map((word) => h("span", {}, word)));
  };
  const toDistance = (event: MouseEvent) => {
    const width = svg.getBoundingClientRect().width;
    const share = (event.clientX - svg.getBoundingClientRect().left - LEFT) / (width - LEFT - RIGHT);
    return Math.min(Math.max(share, 0), 1) * (now?.length ?? 0);
  };
  const move = (distance: number | null) => {
    point(distance);
    pointed(distance);
  };
  let isPointed = false; // what the slider chose stays when the page moves below a resting mouse
  const follow = (event: Event) => {
    isPointed = true;
    move(toDistance(event as PointerEvent));
  };
  svg.addEventListener("pointermove", follow);
  svg.addEventListener("pointerdown", follow);
  svg.addEventListener("pointerleave", () => isPointed && move(null));
  slider.addEventListener("input", () => {
    isPointed = false;
    move(Number(slider.value));
  });
  const draw = (what: Drawn) => {
    now = what;
    scale = drawProfile(svg, what, Math.max(element.clientWidth, 280));
    svg.append(cursor);
    slider.max = String(what.length);
    slider.step = String(what.lines[0]?.series.step_m ?? 1);
    point(last); // the reader's place stays while the line moves below it
  };
  const resized = new ResizeObserver(() => now && draw(now));
  resized.observe(element);
  return { element, draw, point, leave: () => resized.disconnect() };
}

function told(what: Drawn, at: number): string[] {
  const heights = what.lines.map(({ series, name }) => {
    const height = heightAt(series, at);
    return `${name} ${height === null ? t("no-value") : `${number(height, 2)} m`}`;
  });
  const [low, high] = what.pair ? what.pair.map((series) => heightAt(series, at)) : [null, null];
  const change = typeof low === "number" && typeof high === "number" ? [t("change-here", signed(high - low, 2))] : [];
  return [t("distance-here", number(at - what.zero, 2)), ...heights, ...change];
}

/** Draws everything; gives back where a distance lies. */
function drawProfile(svg: SVGElement, what: Drawn, width: number): (distance: number) => number {
  const heights = what.lines.flatMap(({ series }) => series.height_m.filter((one): one is number => one !== null));
  const [lowest, highest] = heights.length > 0 ? extent(heights) : [0, 1];
  const pad = Math.max((highest - lowest) * 0.06, 0.25);
  const [low, high] = [lowest - pad, highest + pad];
  const perMetre = (width - LEFT - RIGHT) / Math.max(what.length, 1e-6);
  const wanted = what.enlarged > 0 ? (high - low) * perMetre * what.enlarged : USUAL_HEIGHT;
  const inner = Math.min(Math.max(wanted, 90), TALLEST);
  const height = inner + TOP + BOTTOM;
  const x = (distance: number) => LEFT + distance * perMetre;
  const used = what.enlarged > 0 ? Math.min(perMetre * what.enlarged, inner / (high - low)) : inner / (high - low);
  const y = (value: number) => TOP + inner / 2 - (value - (low + high) / 2) * used;
  svg.setAttribute("width", String(width));
  svg.setAttribute("height", String(height));
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(...axes(what, x, y, [low, high], width, height));
  if (what.pair) for (const part of between(...what.pair).parts) svg.append(area(part.points, part.isFill, x, y));
  for (const { series, place } of what.lines) svg.append(shape("path", { class: `line line-${place % 6}`, d: broken(series, x, y) }));
  svg.append(text(width - RIGHT, height - 4, t("enlarged", number(used / perMetre, used / perMetre < 10 ? 1 : 0)), "end"));
  return x;
}

function extent(values: number[]): [number, number] {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity] as [number, number]);
}

function axes(what: Drawn, x: (d: number) => number, y: (v: number) => number, [low, high]: [number, number], width: number, height: number): SVGElement[] {
  const bottom = height - BOTTOM;
  const across = ticks(low, high, Math.max((bottom - TOP) / 45, 2)).flatMap((value) => [
    shape("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
    text(LEFT - 6, y(value) + 4, number(value, value % 1 ? 1 : 0), "end"),
  ]);
  const along = ticks(-what.zero, what.length - what.zero, (width - LEFT) / 90).flatMap((value) => [
    shape("line", { class: "grid", x1: x(value + what.zero), x2: x(value + what.zero), y1: TOP, y2: bottom }),
    text(x(value + what.zero), bottom + 15, number(value, value % 1 ? 1 : 0), "middle"),
  ]);
  let free = LEFT;
  const marks = what.marks.flatMap(({ at, name }) => {
    const half = (name.length * LETTER) / 2;
    const hasRoom = x(at) - half >= free && x(at) + half <= width;
    if (hasRoom) free = x(at) + half;
    return [shape("line", { class: "mark", x1: x(at), x2: x(at), y1: bottom - 6, y2: bottom }), ...(hasRoom ? [text(x(at), TOP - 8, name, "middle")] : [])];
  });
  const frame = shape("rect", { class: "frame", x: LEFT, y: TOP, width: width - LEFT - RIGHT, height: bottom - TOP });
  return [...across, ...along, frame, ...marks, text((LEFT + width) / 2, height - 4, t("along-axis"), "middle"), text(4, TOP - 8, t("height-axis"), "start")];
}

function ticks(low: number, high: number, most: number): number[] {
  const rough = (high - low) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => one >= rough) ?? 10 * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, place) => Number(((first + place) * step).toPrecision(12)));
}

function broken(series: Series, x: (d: number) => number, y: (v: number) => number): string {
  let isOpen = false;
  const steps = series.distance_m.map((distance, place) => {
    const value = series.height_m[place] ?? null;
    const step = value === null ? "" : `${isOpen ? "L" : "M"}${x(distance).toFixed(1)} ${y(value).toFixed(1)}`;
    isOpen = value !== null;
    return step;
  });
  return steps.join("");
}

function area(points: [number, number, number][], isFill: boolean, x: (d: number) => number, y: (v: number) => number): SVGElement {
  const there = points.map(([distance, low]) => `${x(distance).toFixed(1)},${y(low).toFixed(1)}`);
  const back = [...points].reverse().map(([distance, , high]) => `${x(distance).toFixed(1)},${y(high).toFixed(1)}`);
  return shape("polygon", { class: isFill ? "fill-area" : "cut-area", points: [...there, ...back].join(" ") });
}

function text(x: number, y: number, content: string, anchor: string): SVGElement {
  const element = shape("text", { x, y, "text-anchor": anchor });
  element.textContent = content;
  return element;
}

function shape(tag: string, attributes: Record<string, string | number>): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}
