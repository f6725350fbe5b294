// Numbers, sizes, times as people read them.

import { language, t } from "./language";

const locale = () => (language() === "ja" ? "ja-JP" : "en-GB");

export function number(value: number, digits = 0): string {
  return value.toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** With its sign, for differences; a true minus sign. */
export function signed(value: number, digits = 0): string {
  const text = number(Math.abs(value), digits);
  const isZero = Number(value.toFixed(digits)) === 0;
  return isZero ? text : `${value < 0 ? "−" : "+"}${text}`;
}

export function bytes(size: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = size > 0 ? Math.min(Math.floor(Math.log10(size) / 3), units.length - 1) : 0;
  const value = size / 1000 ** step;
  return `${number(value, step > 0 && value < 10 ? 1 : 0)} ${units[step]}`;
}

export function moment(iso: string): string {
  return new Date(iso).toLocaleString(locale(), { dateStyle: "medium", timeStyle: "short" });
}

export function duration(seconds: number): string {
  const whole = Math.max(Math.round(seconds), 0);
  if (whole < 60) return t("seconds", whole);
  if (whole < 3600) return t("minutes", Math.floor(whole / 60), whole % 60);
  return t("hours", Math.floor(whole / 3600), Math.floor((whole % 3600) / 60));
}
