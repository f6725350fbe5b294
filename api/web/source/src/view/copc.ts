// A COPC file behind the service: header and octree, and its nodes' points through workers.

import { Copc, Hierarchy } from "copc";
import { address, answered } from "../service";
import type { Extra, Format, Points } from "./points";
import type { Delivery, Order } from "./worker";

declare const VIEW_WORKER: string;
declare const LAZ_WASM: string;

const N_WORKERS = 2;
/** Bytes of a record of point format 6, 7 and 8 before the extra ones. */
const BASE = [30, 36, 38];

export type Cube = [number, number, number, number, number, number];

export interface Cloud {
  nPoints: number;
  /** Of the octree, and of the points themselves, from the origin. */
  cube: Cube;
  min: number[];
  max: number[];
  origin: number[];
  /** Between points of the root, metres. */
  spacing: number;
  format: Format;
  nodes: Map<string, Hierarchy.Node>;
  /** Whether the octree goes on at a key, on a page that is not loaded yet. */
  isPage: (key: string) => boolean;
  page: (key: string) => Promise<void>;
  load: (key: string) => Promise<Points>;
  close: () => void;
}

export async function openCopc(path: string): Promise<Cloud> {
  const get = async (begin: number, end: number) => {
    const response = await answered(path, { headers: { Range: `bytes=${begin}-${end - 1}` } });
    return new Uint8Array(await response.arrayBuffer());
  };
  const copc = await Copc.create(get);
  const { header, info } = copc;
  const origin = [0, 1, 2].map((axis) => Math.round((header.min[axis]! + header.max[axis]!) / 2));
  const from = (values: number[]) => values.map((value, place) => value - origin[place % 3]!);
  const format: Format = { format: header.pointDataRecordFormat, length: header.pointDataRecordLength, scale: header.scale, offset: header.offset, origin, extras: extrasOf(copc) };
  const nodes = new Map<string, Hierarchy.Node>();
  const pages = new Map<string, Hierarchy.Page>();
  const take = async (page: Hierarchy.Page) => {
    const found = await Copc.loadHierarchyPage(get, page);
    for (const [key, node] of Object.entries(found.nodes)) if (node) nodes.set(key, node);
    for (const [key, one] of Object.entries(found.pages)) if (one) pages.set(key, one);
  };
  await take(info.rootHierarchyPage);
  const crew = staff(address(path), format);
  return {
    nPoints: header.pointCount,
    cube: from(info.cube) as Cube,
    min: from(header.min),
    max: from(header.max),
    origin,
    spacing: info.spacing,
    format,
    nodes,
    isPage: (key) => pages.has(key),
    page: async (key) => {
      const page = pages.get(key);
      pages.delete(key);
      if (page) await take(page);
    },
    load: (key) => crew.load(nodes.get(key)!),
    close: crew.close,
  };
}

function extrasOf(copc: Copc): Extra[] {
  const { pointDataRecordFormat: format, pointDataRecordLength: length } = copc.header;
  let at = BASE[format - 6] ?? length;
  const found: Extra[] = [];
  for (const one of copc.eb) {
    if (one.type && at + one.length <= length) {
      found.push({ name: one.name, at, kind: one.type as Extra["kind"], length: one.length, scale: one.scale ?? 1, offset: one.offset ?? 0 });
    }
    at += one.length;
  }
  return found;
}

/** Workers that take turns. */
function staff(url: string, how: Format): { load: (node: Hierarchy.Node) => Promise<Points>; close: () => void } {
  const waiting = new Map<number, { done: (points: Points) => void; fail: (error: Error) => void }>();
  const workers = Array.from({ length: N_WORKERS }, () => new Worker(new URL(VIEW_WORKER, document.baseURI)));
  for (const worker of workers) {
    worker.addEventListener("message", (event: MessageEvent<Delivery>) => {
      const order = waiting.get(event.data.id);
      waiting.delete(event.data.id);
      if ("points" in event.data) order?.done(event.data.points);
      else order?.fail(new Error(event.data.error));
    });
  }
  let last = 0;
  return {
    load: (node) =>
      new Promise((done, fail) => {
        last += 1;
        waiting.set(last, { done, fail });
        const order: Order = { id: last, wasm: new URL(LAZ_WASM, document.baseURI).href, url, from: node.pointDataOffset, bytes: node.pointDataLength, count: node.pointCount, how };
        workers[last % N_WORKERS]!.postMessage(order);
      }),
    close: () => {
      for (const worker of workers) worker.terminate();
    },
  };
}
