// An area by map sheet codes, as the polygons that a request may hold itself.

import { t } from "./language";
import { sheetOf } from "./map/sheets";

/** Polygons of the sheets that the text names, in metres of their zone. Throws an Error that says what to do. */
export function sheetPolygons(text: string): object {
  const codes = text.split(/[\s,、，;]+/).filter((code) => code !== "");
  const sheets = codes.map((code) => {
    const sheet = sheetOf(code);
    if (!sheet) throw new Error(t("no-sheet", code));
    return sheet;
  });
  const zone = sheets[0]!.zone;
  if (sheets.some((sheet) => sheet.zone !== zone)) throw new Error(t("one-zone"));
  const features = sheets.map(({ code, box: [west, south, east, north] }) => ({
    type: "Feature",
    properties: { name: code },
    geometry: { type: "Polygon", coordinates: [[[west, south], [east, south], [east, north], [west, north], [west, south]]] },
  }));
  const crs = { type: "name", properties: { name: `urn:ogc:def:crs:EPSG::${6668 + zone}` } };
  return { value: { type: "FeatureCollection", crs, features } };
}
