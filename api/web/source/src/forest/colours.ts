// How stands are coloured: by a figure along a ramp, or by what class they are of; with the legend.

import type { ExpressionSpecification } from "maplibre-gl";
import { h } from "../dom";
import { number } from "../format";
import { type Key, t } from "../language";

export const CHOICES = ["by-height", "by-class", "by-co2", "by-status"] as const;
export type Choice = (typeof CHOICES)[number];

type Properties = Record<string, unknown>;

const RAMPS: Record<"by-height" | "by-co2", string[]> = {
  "by-height": ["#ffffcc", "#a1dab4", "#41b6c4", "#2c7fb8", "#253494"],
  "by-co2": ["#ffffd4", "#fed98e", "#fe9929", "#d95f0e", "#993404"],
};
const CLASSES = ["#0072b2", "#56b4e9", "#009e73", "#f0e442", "#e69f00", "#d55e00", "#cc79a7"];
const STATUS: Record<string, string> = { credited: "#009e73", excluded: "#e69f00", refused: "#d55e00" };
const NOTHING = "#9ca3af";

/** The figure of a stand that a choice colours by; null where it has none. */
export function figureOf(choice: Choice, stand: Properties): number | string | null {
  if (choice === "by-height") return (stand.h_upper_m as number | null) ?? null;
  if (choice === "by-co2") return typeof stand.net_t === "number" && Number(stand.area_ha) > 0 ? stand.net_t / Number(stand.area_ha) : null;
  return (stand[choice === "by-class" ? "site_class" : "status"] as string | null) || null;
}

/** Choices for which some stand has a figure. */
export function choicesFor(stands: Properties[]): Choice[] {
  return CHOICES.filter((choice) => stands.some((stand) => figureOf(choice, stand) !== null));
}

export interface Colours {
  paint: ExpressionSpecification;
  legend: HTMLElement;
}

/** Colours by the property `figure`, which the map's features are given. */
export function coloursOf(choice: Choice, stands: Properties[]): Colours {
  const figures = stands.map((stand) => figureOf(choice, stand)).filter((one) => one !== null);
  return choice === "by-height" || choice === "by-co2" ? ramp(choice, figures as number[]) : classes(choice, [...new Set(figures as string[])].sort());
}

function ramp(choice: "by-height" | "by-co2", figures: number[]): Colours {
  const colours = RAMPS[choice];
  const low = Math.min(...figures);
  const high = Math.max(...figures, low + 1e-6);
  const stops = colours.flatMap((colour, place) => [low + ((high - low) * place) / (colours.length - 1), colour]);
  const bar = h("div", { class: "ramp", role: "img", "aria-label": t("legend-of", t(choice), number(low, 1), number(high, 1)) });
  bar.style.background = `linear-gradient(to right, ${colours.join(", ")})`;
  const legend = h("div", {}, bar, h("div", { class: "ends" }, h("span", {}, number(low, 1)), h("span", {}, number(high, 1))), key(NOTHING, t("no-figure")));
  return { paint: ["case", ["==", ["get", "figure"], null], NOTHING, ["interpolate", ["linear"], ["to-number", ["get", "figure"]], ...stops]] as ExpressionSpecification, legend };
}

function classes(choice: "by-class" | "by-status", names: string[]): Colours {
  const colourOf = (name: string, place: number) => (choice === "by-status" ? STATUS[name] : CLASSES[place % CLASSES.length]) ?? NOTHING;
  const pairs = names.flatMap((name, place) => [name, colourOf(name, place)]);
  const label = (name: string) => (choice === "by-status" ? t(name as Key) : name);
  const legend = h("div", {}, names.map((name, place) => key(colourOf(name, place), label(name))), key(NOTHING, t("no-figure")));
  return { paint: ["match", ["coalesce", ["get", "figure"], ""], ...pairs, NOTHING] as unknown as ExpressionSpecification, legend };
}

function key(colour: string, text: string): HTMLElement {
  const box = h("span", { class: "key" });
  box.style.background = colour;
  return h("div", {}, box, text);
}
