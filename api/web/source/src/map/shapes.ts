// Lines and areas that a reader drew: as coordinates in metres of a zone, from and to GeoJSON.

import { codeOf, zoneOf } from "../crs";
import { t } from "../language";
import { nearestZone, type Pair, toDegrees, toPlane } from "./gauss";

export type Kind = "line" | "polygon";

export interface Shape {
  name: string;
  /** Easting and northing in metres; a ring is not closed. */
  points: Pair[];
}

/** Metres east or west of its meridian that a zone is made for, and a little. */
const WIDEST = 140_000;

export const FEWEST: Record<Kind, number> = { line: 2, polygon: 3 };

/** GeoJSON in metres of the zone, as a request may hold it. */
export function collectionOf(shapes: Shape[], kind: Kind, zone: number): GeoJSON.FeatureCollection {
  const crs = { type: "name", properties: { name: `urn:ogc:def:crs:EPSG::${codeOf(zone)}` } };
  const features = shapes.map(({ name, points }) => ({ type: "Feature" as const, properties: { name }, geometry: geometryOf(points, kind) }));
  return { type: "FeatureCollection", crs, features } as GeoJSON.FeatureCollection;
}

export function geometryOf(points: Pair[], kind: Kind): GeoJSON.Geometry {
  if (kind === "line") return { type: "LineString", coordinates: points };
  return { type: "Polygon", coordinates: [[...points, points[0]!]] };
}

/** Shapes of a GeoJSON text; `zone` is that of the map, used where the text states none. Throws what to do. */
export function shapesOf(text: string, kind: Kind, zone: number): { shapes: Shape[]; zone: number } {
  let found: { crs?: { properties?: { name?: string } }; features?: GeoJSON.Feature[] } & Record<string, unknown>;
  try {
    found = JSON.parse(text) as typeof found;
  } catch {
    throw new Error(t("no-geojson"));
  }
  const features = found.features ?? (found.type === "Feature" ? [found as unknown as GeoJSON.Feature] : [{ geometry: found, properties: {} } as unknown as GeoJSON.Feature]);
  const stated = found.crs?.properties?.name;
  const own = stated === undefined ? null : zoneOf(stated.replace(/^urn:ogc:def:crs:EPSG:[^:]*:/, "EPSG:"));
  const rings = features.flatMap((feature, place) => ringsOf(feature, kind).map((points) => ({ name: String(feature.properties?.name ?? place + 1), points })));
  if (rings.length === 0) throw new Error(t(kind === "line" ? "no-lines" : "no-polygons"));
  const isDegrees = own === null && rings.every(({ points }) => points.every(([x, y]) => Math.abs(x) <= 180 && Math.abs(y) <= 90));
  if (own === null && !isDegrees && stated !== undefined && !/CRS84|4326|6668/.test(stated)) throw new Error(t("unknown-crs", stated));
  const first = rings[0]!.points[0] ?? [0, 0];
  const isFar = isDegrees && Math.abs(toPlane(first, zone)[0]) > WIDEST; // nobody chose that zone for this place
  const into = own ?? (isFar ? nearestZone(first) : zone);
  const placed = rings.map(({ name, points }) => ({ name, points: points.map((point) => (isDegrees ? toPlane(point, into) : point)) }));
  return { shapes: placed, zone: into };
}

/** The lines or outer rings of a feature, open. */
function ringsOf(feature: GeoJSON.Feature, kind: Kind): Pair[][] {
  const geometry = feature.geometry;
  const plain = (points: GeoJSON.Position[]) => points.map(([x, y]) => [x!, y!] as Pair);
  const open = (points: GeoJSON.Position[]) => plain(points).slice(0, -1);
  if (kind === "line") {
    if (geometry?.type === "LineString") return [plain(geometry.coordinates)];
    return geometry?.type === "MultiLineString" ? geometry.coordinates.map(plain) : [];
  }
  const polygons = geometry?.type === "Polygon" ? [geometry.coordinates] : geometry?.type === "MultiPolygon" ? geometry.coordinates : [];
  if (polygons.some((rings) => rings.length > 1)) throw new Error(t("no-holes"));
  return polygons.map((rings) => open(rings[0] ?? []));
}

export function lengthOf(points: Pair[]): number {
  return points.slice(1).reduce((sum, [x, y], place) => sum + Math.hypot(x - points[place]![0], y - points[place]![1]), 0);
}

export function areaOf(points: Pair[]): number {
  const [x0, y0] = points[0] ?? [0, 0]; // near zero, or the products lose digits
  const twice = points.reduce((sum, [x, y], place) => {
    const [nextX, nextY] = points[(place + 1) % points.length]!;
    return sum + (x - x0) * (nextY - y0) - (nextX - x0) * (y - y0);
  }, 0);
  return Math.abs(twice) / 2;
}

export function inDegrees(points: Pair[], zone: number): Pair[] {
  return points.map((point) => toDegrees(point, zone));
}
