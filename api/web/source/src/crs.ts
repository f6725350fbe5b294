// Names of the reference systems that Japanese surveys use.

import { t } from "./language";

const ROMAN = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI", "XVII", "XVIII", "XIX"];

/** Zone 1-19 of a plane rectangular system by its EPSG code (JGD2000 or JGD2011), or null. */
export function zoneOf(crs: string | null | undefined): number | null {
  const code = Number(/EPSG:(\d+)/.exec(crs ?? "")?.[1]);
  if (code >= 6669 && code <= 6687) return code - 6668;
  if (code >= 2443 && code <= 2461) return code - 2442;
  return null;
}

export function romanZone(zone: number): string {
  return ROMAN[zone - 1] ?? String(zone);
}

export function crsName(crs: string): string {
  const zone = zoneOf(crs);
  return zone === null ? crs : t("plane-zone", romanZone(zone), crs);
}
