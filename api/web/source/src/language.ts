// Language: Japanese unless the reader or the browser wants English. Every text stands in texts.ts in both.

import { TEXTS } from "./texts";

export type Language = "ja" | "en";
export type Key = keyof typeof TEXTS;

const KEY = "tengun-language";
let current: Language = initial();

function initial(): Language {
  const kept = localStorage.getItem(KEY);
  if (kept === "ja" || kept === "en") return kept;
  return navigator.language.toLowerCase().startsWith("ja") ? "ja" : "en";
}

export function language(): Language {
  return current;
}

export function setLanguage(wanted: Language): void {
  current = wanted;
  localStorage.setItem(KEY, wanted);
  document.documentElement.lang = wanted;
}

/** The text of that name; {0}, {1} ... are filled in. */
export function t(key: Key, ...values: (string | number)[]): string {
  return TEXTS[key][current].replace(/\{(\d)\}/g, (_, place: string) => String(values[Number(place)]));
}

/** The member of the service's answer in the present language: `title` or `title_ja`. */
export function told(answer: object, member: string): string {
  const texts = answer as Record<string, unknown>;
  const japanese = texts[`${member}_ja`];
  const text = current === "ja" && japanese ? japanese : texts[member];
  return typeof text === "string" ? text : "";
}

export function bilingual(text: { en: string; ja: string }): string {
  return text[current];
}

const JAPANESE = /[぀-ヿ㐀-鿿]/;

/** The half in the present language of a text that the processes write as "English / 日本語". */
export function half(text: string): string {
  const parts = text.split(" / ");
  const turn = parts.findIndex((part) => JAPANESE.test(part));
  if (turn <= 0) return text;
  return current === "ja" ? parts.slice(turn).join(" / ") : parts.slice(0, turn).join(" / ");
}
