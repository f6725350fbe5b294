// Rectangles with edges along the axes: around points, and their corners.

import { type Pair, toDegrees } from "./gauss";

/** West, south, east, north. */
export type Box = [number, number, number, number];

/** The smallest rectangle around points, of which there may be more than a call takes arguments. */
export function around(points: number[][]): Box {
  return points.reduce<Box>(
    ([west, south, east, north], [x, y]) => [Math.min(west, x!), Math.min(south, y!), Math.max(east, x!), Math.max(north, y!)],
    [Infinity, Infinity, -Infinity, -Infinity],
  );
}

/** Counter-clockwise from the south-west. */
export function corners([west, south, east, north]: Box): Pair[] {
  return [[west, south], [east, south], [east, north], [west, north]];
}

export function cornersInDegrees(box: Box, zone: number): Pair[] {
  return corners(box).map((corner) => toDegrees(corner, zone));
}
