// Names of the reference systems that Japanese surveys use.

import { t } from "./language";

const ROMAN = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI", "XVII", "XVIII", "XIX"];

/** Zone 1-19 of a plane rectangular system by its EPSG code (JGD2000 or JGD2011), or null. */
export function zoneOf(crs: string | null | undefined): number | null {
  const code = Number(/EPSG:(\d+)/.exec(crs ?? "")?.[1]);
  if (code >= codeOf(1) && code <= codeOf(19)) return code - codeOf(0);
  if (code >= 2443 && code <= 2461) return code - 2442;
  return null;
}

/** EPSG code of a zone 1-19 in JGD2011. */
export function codeOf(zone: number): number {
  return 6668 + zone;
}

export function romanZone(zone: number): string {
  return ROMAN[zone - 1] ?? String(zone);
}

export function crsName(crs: string): string {
  const zone = zoneOf(crs);
  return zone === null ? crs : t("plane-zone", romanZone(zone), crs);
}
