// Heights along a line as the service gives them, and what lies between two of them.

import { codeOf, zoneOf } from "./crs";
import type { Pair } from "./map/gauss";
import { ask } from "./service";

export interface Series {
  layer: string;
  title: string;
  title_ja: string;
  cell_m: number;
  step_m: number;
  distance_m: number[];
  height_m: (number | null)[];
}

export interface Station {
  name: string;
  distance_m: number;
  place: Pair;
  left: Pair;
  right: Pair;
  crosses: boolean;
}

export interface Profile {
  crs: string;
  length_m: number;
  series: Series[];
  stations: Station[];
  notes: { en: string; ja: string }[];
}

export interface Cuts {
  interval: number;
  left: number;
  right: number;
}

/** More corners make an address longer than some servers in between take. */
export const MOST_CORNERS = 300;

/** The job's rasters along a line through places in metres of a zone. */
export function profileOf(job: string, layers: { path: string; epsg: number | null }[], points: Pair[], zone: number, cuts: Cuts | null): Promise<Profile> {
  const query = new URLSearchParams({ line: points.map(([x, y]) => `${x.toFixed(3)},${y.toFixed(3)}`).join(";") });
  if (layers.some((layer) => zoneOf(`EPSG:${layer.epsg}`) !== zone)) query.set("crs", `EPSG:${codeOf(zone)}`);
  for (const layer of layers) query.append("layer", layer.path);
  if (cuts) for (const [name, value] of Object.entries(cuts)) query.set(name, String(value));
  return ask<Profile>(`jobs/${job}/profile?${query.toString()}`);
}

/** The height at a distance, straight between samples; null in a gap and beyond the ends. */
export function heightAt(series: Series, distance: number): number | null {
  const { distance_m: along, height_m: heights } = series;
  let low = 0;
  let high = along.length - 1;
  if (high < 0 || distance < along[0]! || distance > along[high]!) return null;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (along[middle]! <= distance) low = middle;
    else high = middle;
  }
  const [a, b] = [heights[low] ?? null, heights[high] ?? null];
  const share = high === low ? 0 : (distance - along[low]!) / (along[high]! - along[low]!);
  if (share === 0) return a;
  if (share === 1) return b;
  return a === null || b === null ? null : a + share * (b - a);
}

export interface Between {
  cut_m2: number;
  fill_m2: number;
  /** Metres of the line where both have heights. */
  covered_m: number;
  /** Stretches between crossings: distance, height before, height after. */
  parts: { isFill: boolean; points: [number, number, number][] }[];
}

/** Areas between an earlier and a later line, exact for broken lines; a gap in either has no area. */
export function between(before: Series, after: Series): Between {
  const found: Between = { cut_m2: 0, fill_m2: 0, covered_m: 0, parts: [] };
  const places = [...new Set([...before.distance_m, ...after.distance_m])].sort((a, b) => a - b);
  let last: [number, number, number] | null = null;
  for (const place of places) {
    const [low, high] = [heightAt(before, place), heightAt(after, place)];
    const next: [number, number, number] | null = low === null || high === null ? null : [place, low, high];
    if (last && next) addPiece(found, last, next);
    last = next;
  }
  return found;
}

function addPiece(found: Between, from: [number, number, number], to: [number, number, number]): void {
  const [d0, d1] = [from[2] - from[1], to[2] - to[1]];
  if (d0 * d1 < 0) {
    const share = d0 / (d0 - d1);
    const height = from[1] + share * (to[1] - from[1]);
    const crossing: [number, number, number] = [from[0] + share * (to[0] - from[0]), height, height];
    addPiece(found, from, crossing);
    addPiece(found, crossing, to);
    return;
  }
  const width = to[0] - from[0];
  const area = (Math.abs(d0 + d1) / 2) * width;
  const isFill = d0 + d1 > 0;
  found.covered_m += width;
  if (isFill) found.fill_m2 += area;
  else found.cut_m2 += area;
  const part = found.parts.at(-1);
  const end = part?.points.at(-1);
  if (part && part.isFill === isFill && end && end[0] === from[0]) part.points.push(to);
  else found.parts.push({ isFill, points: [from, to] });
}
