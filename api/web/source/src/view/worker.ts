// Fetches a node's bytes and takes them apart, beside the page, so that it can still be moved.

import { Las } from "copc";
import { createLazPerf } from "laz-perf";
import { type Format, type Points, pointsOf } from "./points";

export interface Order {
  id: number;
  wasm: string;
  url: string;
  from: number;
  bytes: number;
  count: number;
  how: Format;
}

export type Delivery = { id: number; points: Points } | { id: number; error: string };

let laz: ReturnType<typeof createLazPerf> | undefined;

async function deliver(order: Order): Promise<Points> {
  laz ??= createLazPerf({ locateFile: () => order.wasm });
  const response = await fetch(order.url, { headers: { Range: `bytes=${order.from}-${order.from + order.bytes - 1}` } });
  if (response.status !== 206) throw new Error(`${response.status}`);
  const compressed = new Uint8Array(await response.arrayBuffer());
  const header = { pointCount: order.count, pointDataRecordFormat: order.how.format, pointDataRecordLength: order.how.length };
  const records = await Las.PointData.decompressChunk(compressed, header, await laz);
  return pointsOf(records, order.count, order.how);
}

addEventListener("message", (event: MessageEvent<Order>) => {
  const { id } = event.data;
  deliver(event.data).then(
    (points) => {
      const parts = [points.position, points.intensity, points.classification, points.rgb, ...Object.values(points.extras)];
      const owned = parts.flatMap((part) => (part ? [part.buffer as ArrayBuffer] : []));
      (postMessage as (message: Delivery, owned: Transferable[]) => void)({ id, points }, owned);
    },
    (error: unknown) => postMessage({ id, error: String(error) } satisfies Delivery),
  );
});
