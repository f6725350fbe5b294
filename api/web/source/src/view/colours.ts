// Colours of points: by height, class, intensity, RGB, or any further dimension of the file.

import { h } from "../dom";
import { number } from "../format";
import { type Key, t } from "../language";
import { TEXTS } from "../texts";
import type { Points } from "./points";

type Rgb = [number, number, number];

const HEIGHTS: Rgb[] = [[49, 54, 149], [69, 117, 180], [116, 173, 209], [171, 217, 233], [255, 255, 191], [253, 174, 97], [244, 109, 67], [165, 0, 38]];
const GRAYS: Rgb[] = [[25, 25, 25], [250, 250, 250]];
const CHANGES: Rgb[] = [[178, 24, 43], [239, 138, 98], [247, 247, 247], [103, 169, 207], [33, 102, 172]];
const CLASSES: Record<number, Rgb> = {
  0: [170, 170, 170], 1: [140, 140, 140], 2: [166, 118, 29], 3: [161, 217, 155], 4: [65, 171, 93], 5: [0, 109, 44],
  6: [227, 74, 51], 7: [255, 0, 255], 9: [49, 130, 189], 17: [117, 107, 177], 18: [197, 27, 138],
};
const OTHER: Rgb = [250, 200, 80];
/** Dimensions that are names, not amounts: every value has a colour of its own. */
const IS_NAME = /tree|id$|label|segment|cluster/i;
const IS_CHANGE = /diff|change|delta|distance|m3c2/i;
const LOW = 0.02;

export interface Colouring {
  paint: (points: Points) => Uint8Array;
  legend: HTMLElement;
}

/** What a file's points can be coloured by: value and name. */
export function choices(sample: Points): [string, string][] {
  const own: [string, string][] = [["z", t("by-z")], ["classification", t("by-classification")], ["intensity", t("by-intensity")]];
  if (sample.rgb) own.push(["rgb", t("by-rgb")]);
  return [...own, ...Object.keys(sample.extras).map((name): [string, string] => [`extra ${name}`, name])];
}

/** How to colour by a choice; its range is that of the sample, the root's points; heights are from `base`. */
export function colouring(choice: string, sample: Points, base: number): Colouring {
  if (choice === "classification") return byClass(sample);
  if (choice === "rgb") return { paint: (points) => points.rgb ?? new Uint8Array(3 * points.count), legend: h("div") };
  if (choice === "intensity") return along(GRAYS, (points) => points.intensity, rangeOf(sample.intensity), 0);
  if (choice === "z") return along(HEIGHTS, heights, rangeOf(heights(sample)), base);
  const name = choice.slice("extra ".length);
  const values = (points: Points) => points.extras[name]!;
  if (IS_NAME.test(name)) return byName(values);
  const [low, high] = rangeOf(values(sample));
  const reach = Math.max(Math.abs(low), Math.abs(high));
  return IS_CHANGE.test(name) ? along(CHANGES, values, [-reach, reach], 0) : along(HEIGHTS, values, [low, high], 0);
}

function heights(points: Points): Float32Array {
  const z = new Float32Array(points.count);
  for (let i = 0; i < points.count; i += 1) z[i] = points.position[3 * i + 2]!;
  return z;
}

/** The values between which all but the outermost lie. */
function rangeOf(values: ArrayLike<number>): [number, number] {
  const sorted = Float32Array.from(values).filter(Number.isFinite).sort();
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  const [low, high] = [at(LOW), at(1 - LOW)];
  return high > low ? [low, high] : [low, low + 1];
}

function along(ramp: Rgb[], values: (points: Points) => ArrayLike<number>, [low, high]: [number, number], base: number): Colouring {
  const steps = 256;
  const table = new Uint8Array(3 * steps);
  for (let i = 0; i < steps; i += 1) {
    const place = (i / (steps - 1)) * (ramp.length - 1);
    const left = Math.min(Math.floor(place), ramp.length - 2);
    for (let c = 0; c < 3; c += 1) table[3 * i + c] = ramp[left]![c]! + (place - left) * (ramp[left + 1]![c]! - ramp[left]![c]!);
  }
  const paint = (points: Points) => {
    const colours = new Uint8Array(3 * points.count);
    const all = values(points);
    for (let i = 0; i < points.count; i += 1) {
      const share = (all[i]! - low) / (high - low);
      const step = 3 * Math.round(Math.min(Math.max(Number.isFinite(share) ? share : 0, 0), 1) * (steps - 1));
      colours.set(table.subarray(step, step + 3), 3 * i);
    }
    return colours;
  };
  const bar = h("div", { class: "ramp" });
  bar.style.background = `linear-gradient(to right, ${ramp.map((colour) => `rgb(${colour.join(",")})`).join(", ")})`;
  const ends = [low + base, high + base].map((value) => h("span", {}, number(value, Math.abs(value) < 10 ? 2 : 0)));
  return { paint, legend: h("div", {}, bar, h("div", { class: "ends" }, ends)) };
}

function byClass(sample: Points): Colouring {
  const paint = (points: Points) => each(points, (i) => CLASSES[points.classification[i]!] ?? OTHER);
  const present = [...new Set(sample.classification)].sort((a, b) => a - b);
  const keys = present.map((code) => {
    const box = h("span", { class: "key" });
    box.style.background = `rgb(${(CLASSES[code] ?? OTHER).join(",")})`;
    return h("div", {}, box, `${code} ${className(code)}`);
  });
  return { paint, legend: h("div", {}, keys) };
}

export function className(code: number): string {
  const key = `class-${code}`;
  return key in TEXTS ? t(key as Key) : t("class-other", code);
}

function byName(values: (points: Points) => ArrayLike<number>): Colouring {
  const colourOf = (value: number): Rgb => {
    if (value === 0) return [120, 120, 120]; // of no tree
    const mixed = Math.imul(Math.floor(value) ^ Math.floor(value / 4294967296), 2654435761) >>> 0;
    return [60 + (mixed & 0xff) * 0.75, 60 + ((mixed >> 8) & 0xff) * 0.75, 60 + ((mixed >> 16) & 0xff) * 0.75];
  };
  return {
    paint: (points) => {
      const all = values(points);
      return each(points, (i) => colourOf(all[i]!));
    },
    legend: h("div"),
  };
}

function each(points: Points, colourOf: (i: number) => Rgb): Uint8Array {
  const colours = new Uint8Array(3 * points.count);
  for (let i = 0; i < points.count; i += 1) colours.set(colourOf(i), 3 * i);
  return colours;
}
