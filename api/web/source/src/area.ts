// An area by map sheet codes, as the polygons that a request may hold itself.

import { t } from "./language";
import { corners } from "./map/box";
import { collectionOf } from "./map/shapes";
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
  return { value: collectionOf(sheets.map(({ code, box }) => ({ name: code, points: corners(box) })), "polygon", zone) };
}
