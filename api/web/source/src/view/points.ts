// Points of a node as arrays, from the records of LAS point formats 6 to 8 (COPC has no other).

export interface Extra {
  name: string;
  /** Bytes from the record's beginning. */
  at: number;
  kind: "signed" | "unsigned" | "float";
  length: number;
  scale: number;
  offset: number;
}

/** How the records of a file are to be read. */
export interface Format {
  format: number;
  length: number;
  scale: number[];
  offset: number[];
  /** Taken off every coordinate, so that 32 bits are enough. */
  origin: number[];
  extras: Extra[];
}

export interface Points {
  count: number;
  /** x, y, z from the origin, metres. */
  position: Float32Array;
  intensity: Uint16Array;
  classification: Uint8Array;
  rgb: Uint8Array | null;
  extras: Record<string, Float32Array>;
}

const INTENSITY_AT = 12;
const CLASS_AT = 16;
const RGB_AT = 30;

export function pointsOf(records: Uint8Array, count: number, how: Format): Points {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  const hasRgb = how.format >= 7;
  const made: Points = {
    count,
    position: new Float32Array(3 * count),
    intensity: new Uint16Array(count),
    classification: new Uint8Array(count),
    rgb: hasRgb ? new Uint8Array(3 * count) : null,
    extras: Object.fromEntries(how.extras.map((extra) => [extra.name, new Float32Array(count)])),
  };
  for (let i = 0; i < count; i += 1) {
    const at = i * how.length;
    for (let axis = 0; axis < 3; axis += 1) {
      made.position[3 * i + axis] = view.getInt32(at + 4 * axis, true) * how.scale[axis]! + how.offset[axis]! - how.origin[axis]!;
      if (made.rgb) made.rgb[3 * i + axis] = view.getUint16(at + RGB_AT + 2 * axis, true) >> 8;
    }
    made.intensity[i] = view.getUint16(at + INTENSITY_AT, true);
    made.classification[i] = view.getUint8(at + CLASS_AT);
  }
  for (const extra of how.extras) readExtra(view, made.extras[extra.name]!, extra, how.length);
  return made;
}

function readExtra(view: DataView, into: Float32Array, extra: Extra, step: number): void {
  const read = reader(view, extra);
  for (let i = 0; i < into.length; i += 1) into[i] = read(i * step + extra.at) * extra.scale + extra.offset;
}

function reader(view: DataView, { kind, length }: Extra): (at: number) => number {
  if (kind === "float") return length === 4 ? (at) => view.getFloat32(at, true) : (at) => view.getFloat64(at, true);
  const isSigned = kind === "signed";
  if (length === 1) return isSigned ? (at) => view.getInt8(at) : (at) => view.getUint8(at);
  if (length === 2) return isSigned ? (at) => view.getInt16(at, true) : (at) => view.getUint16(at, true);
  if (length === 4) return isSigned ? (at) => view.getInt32(at, true) : (at) => view.getUint32(at, true);
  return isSigned ? (at) => Number(view.getBigInt64(at, true)) : (at) => Number(view.getBigUint64(at, true));
}
