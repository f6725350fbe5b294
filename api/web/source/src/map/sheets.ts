// 国土基本図図郭: the sheets of public surveys, code <-> rectangle in metres of a zone.

import type { Box } from "./box";

export interface Sheet {
  code: string;
  zone: number;
  box: Box;
}

const WEST = -160_000;
const NORTH = 300_000;
const WIDTH = 40_000;
const HEIGHT = 30_000;
const ROWS = "ABCDEFGHIJKLMNOPQRST";
const CODE = /^(0[1-9]|1[0-9])([A-T])([A-H])(?:(\d)(\d)(?:(\d)(\d)|([0-4])([A-E])|([1-4]))?)?$/;

/** The sheet that a code names, or null. Two digits of level 500 go before the old level 1250. */
export function sheetOf(text: string): Sheet | null {
  const code = text.trim().toUpperCase();
  const match = CODE.exec(code);
  if (!match) return null;
  const [, zone, row, column, a, b, c, d, e, f, quarter] = match;
  let width = WIDTH;
  let height = HEIGHT;
  let west = WEST + (column!.charCodeAt(0) - 65) * width;
  let north = NORTH - ROWS.indexOf(row!) * height;
  const go = (down: number, right: number, parts: number) => {
    width /= parts;
    height /= parts;
    west += right * width;
    north -= down * height;
  };
  if (a !== undefined) go(Number(a), Number(b), 10);
  if (c !== undefined) go(Number(c), Number(d), 10);
  if (e !== undefined) go(Number(e), f!.charCodeAt(0) - 65, 5);
  if (quarter !== undefined) go(Math.floor((Number(quarter) - 1) / 2), (Number(quarter) - 1) % 2, 2);
  return { code, zone: Number(zone), box: [west, north - height, west + width, north] };
}

/** Sheets of a level (parts of a 50000 sheet: 1, 10, 100) that touch the rectangle, or null where they are too many. */
export function sheetsIn(zone: number, box: Box, parts: 1 | 10 | 100, most: number): Sheet[] | null {
  const width = WIDTH / parts;
  const height = HEIGHT / parts;
  const columns = range((box[0] - WEST) / width, (box[2] - WEST) / width, 8 * parts);
  const rows = range((NORTH - box[3]) / height, (NORTH - box[1]) / height, 20 * parts);
  if (columns.length * rows.length > most) return null;
  return rows.flatMap((row) => columns.map((column) => sheetAt(zone, row, column, parts)));
}

function range(from: number, to: number, end: number): number[] {
  const first = Math.max(Math.floor(from), 0);
  const last = Math.min(Math.floor(to), end - 1);
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, place) => first + place);
}

function sheetAt(zone: number, row: number, column: number, parts: number): Sheet {
  const letters = ROWS[Math.floor(row / parts)]! + String.fromCharCode(65 + Math.floor(column / parts));
  let digits = "";
  for (let step = parts / 10; step >= 1; step /= 10) digits += `${Math.floor(row / step) % 10}${Math.floor(column / step) % 10}`;
  const width = WIDTH / parts;
  const height = HEIGHT / parts;
  const west = WEST + column * width;
  const north = NORTH - row * height;
  return { code: `${String(zone).padStart(2, "0")}${letters}${digits}`, zone, box: [west, north - height, west + width, north] };
}
