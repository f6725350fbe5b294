// Which nodes of the octree are worth drawing from where one stands.

import { Box3, Frustum, Matrix4, type PerspectiveCamera, Vector3 } from "three";
import type { Cloud } from "./copc";

export interface Wanted {
  key: string;
  count: number;
}

/** Points that are farther apart on the screen than this ask for the next finer nodes. */
const FINE_PX = 1.5;

/** The box of a node from its key "depth-x-y-z". */
export function boxOf(cloud: Cloud, key: string): Box3 {
  const [depth, ...place] = key.split("-").map(Number) as [number, number, number, number];
  const side = (cloud.cube[3] - cloud.cube[0]) / 2 ** depth;
  const low = place.map((at, axis) => cloud.cube[axis]! + at * side) as [number, number, number];
  return new Box3(new Vector3(...low), new Vector3(...low.map((value) => value + side)));
}

/**
 * The nodes to draw, the most telling first, and the pages of the octree that are missing.
 * A node is told by how far its points would lie apart on a screen of `height` pixels.
 */
export function choose(cloud: Cloud, camera: PerspectiveCamera, height: number, most: number): { wanted: Wanted[]; missing: string[] } {
  const frustum = new Frustum().setFromProjectionMatrix(new Matrix4().multiplyMatrices(camera.projectionMatrix, camera.matrixWorldInverse));
  const pixels = height / (2 * Math.tan((camera.fov * Math.PI) / 360));
  const open: { key: string; gap: number }[] = [{ key: "0-0-0-0", gap: Infinity }];
  const wanted: Wanted[] = [];
  const missing: string[] = [];
  let total = 0;
  while (open.length > 0) {
    open.sort((a, b) => a.gap - b.gap);
    const { key } = open.pop()!;
    const node = cloud.nodes.get(key);
    if (!node) {
      if (cloud.isPage(key)) missing.push(key);
      continue;
    }
    if (total + node.pointCount > most) break;
    total += node.pointCount;
    wanted.push({ key, count: node.pointCount });
    for (const child of childrenOf(key)) {
      const box = boxOf(cloud, child);
      if (!frustum.intersectsBox(box)) continue;
      const distance = Math.max(box.distanceToPoint(camera.position), camera.near);
      const depth = Number(child.slice(0, child.indexOf("-")));
      const gap = ((cloud.spacing / 2 ** (depth - 1)) * pixels) / distance; // what is seen without the child
      if (gap > FINE_PX) open.push({ key: child, gap });
    }
  }
  return { wanted, missing };
}

function childrenOf(key: string): string[] {
  const [depth, x, y, z] = key.split("-").map(Number) as [number, number, number, number];
  return Array.from({ length: 8 }, (_, i) => `${depth + 1}-${2 * x + (i & 1)}-${2 * y + ((i >> 1) & 1)}-${2 * z + (i >> 2)}`);
}
