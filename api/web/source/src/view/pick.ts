// Which point is seen at a place on the screen: of those within a few pixels the nearest to the eye.

import { Matrix4, type Plane, Vector3 } from "three";
import type { Points } from "./points";
import type { View } from "./scene";

const REACH_PX = 8;

export interface Hit {
  points: Points;
  index: number;
  /** From the origin. */
  at: Vector3;
}

export function pick(view: View, x: number, y: number, planes: Plane[]): Hit | null {
  const { camera, canvas } = view;
  camera.updateMatrixWorld();
  const e = new Matrix4().multiplyMatrices(camera.projectionMatrix, camera.matrixWorldInverse).elements;
  const [reachX, reachY] = [(2 * REACH_PX) / canvas.clientWidth, (2 * REACH_PX) / canvas.clientHeight];
  const at = new Vector3();
  let nearest = Infinity;
  let found: Hit | null = null;
  for (const { points, drawn } of view.nodes.values()) {
    if (!drawn.visible) continue;
    const p = points.position;
    for (let i = 0; i < points.count; i += 1) {
      const [px, py, pz] = [p[3 * i]!, p[3 * i + 1]!, p[3 * i + 2]!];
      const w = e[3]! * px + e[7]! * py + e[11]! * pz + e[15]!;
      if (w <= 0 || w >= nearest) continue;
      if (Math.abs((e[0]! * px + e[4]! * py + e[8]! * pz + e[12]!) / w - x) > reachX) continue;
      if (Math.abs((e[1]! * px + e[5]! * py + e[9]! * pz + e[13]!) / w - y) > reachY) continue;
      at.set(px, py, pz);
      if (planes.some((plane) => plane.distanceToPoint(at) < 0)) continue;
      nearest = w;
      found = { points, index: i, at: at.clone() };
    }
  }
  return found;
}
