// What a click in the view does: tell of a point, measure between two, set a section's line.

import { Vector3 } from "three";
import { fill, h, table } from "../dom";
import { choice, labelled } from "../forms";
import { number, signed } from "../format";
import { t } from "../language";
import { className } from "./colours";
import type { Hit } from "./pick";
import type { View } from "./scene";
import { sectionTool } from "./section";

const STILL_PX = 4;

/** The controls for clicks, and where their answers stand. */
export function tools(view: View): HTMLElement {
  const what = choice([["ask", t("click-ask")], ["measure", t("click-measure")], ["section", t("click-section")]], "ask");
  const answer = h("div", { "aria-live": "polite" });
  const section = sectionTool(view);
  let first: Hit | null = null;
  const use = (hit: Hit | null) => {
    if (!hit) return fill(answer, h("p", { class: "hint" }, t("no-point")));
    if (what.value === "section") {
      fill(answer, section.take(hit.at) ? null : h("p", { class: "hint" }, t("second-point")));
    } else if (what.value === "ask") {
      view.mark(cross(view, hit.at));
      fill(answer, describe(view, hit));
    } else if (!first) {
      first = hit;
      view.mark(cross(view, hit.at));
      fill(answer, h("p", { class: "hint" }, t("second-point")));
    } else {
      view.mark([first.at, hit.at]);
      fill(answer, measured(first.at, hit.at));
      first = null;
    }
  };
  what.addEventListener("change", () => {
    first = null;
    view.mark([]);
  });
  onStillClick(view.canvas, (x, y) => use(view.pick(x, y)));
  const centre = h("button", { type: "button", onclick: () => use(view.pick(0, 0)) }, t("at-centre"));
  return h("div", {}, labelled(t("what-click"), what), h("p", { class: "actions" }, centre), answer, section.element);
}

/** A click that did not turn or move the view; its place in -1 to 1. */
function onStillClick(canvas: HTMLCanvasElement, act: (x: number, y: number) => void): void {
  let down: [number, number] = [0, 0];
  canvas.addEventListener("pointerdown", (event) => (down = [event.clientX, event.clientY]));
  canvas.addEventListener("click", (event) => {
    if (Math.hypot(event.clientX - down[0], event.clientY - down[1]) > STILL_PX) return;
    const box = canvas.getBoundingClientRect();
    act((2 * (event.clientX - box.left)) / box.width - 1, 1 - (2 * (event.clientY - box.top)) / box.height);
  });
}

function cross(view: View, at: Vector3): Vector3[] {
  const arm = at.distanceTo(view.camera.position) / 40;
  const ways = [new Vector3(arm, 0, 0), new Vector3(0, arm, 0), new Vector3(0, 0, arm)];
  return ways.flatMap((way) => [at.clone().sub(way), at.clone().add(way)]);
}

function describe(view: View, { points, index, at }: Hit): HTMLElement {
  const { origin } = view.cloud;
  const code = points.classification[index]!;
  const rows = [
    [t("x-of"), `${number(at.y + origin[1]!, 2)} m`],
    [t("y-of"), `${number(at.x + origin[0]!, 2)} m`],
    [t("z-of"), `${number(at.z + origin[2]!, 2)} m`],
    [t("by-classification"), `${code} ${className(code)}`],
    [t("by-intensity"), number(points.intensity[index]!)],
    ...Object.entries(points.extras).map(([name, values]) => [name, String(Number(values[index]!.toPrecision(7)))]),
  ];
  return table(t("point-found"), [t("what"), t("value")], rows, [1]);
}

function measured(from: Vector3, to: Vector3): HTMLElement {
  const way = to.clone().sub(from);
  const rows = [
    [t("slope-distance"), `${number(way.length(), 2)} m`],
    [t("level-distance"), `${number(Math.hypot(way.x, way.y), 2)} m`],
    [t("height-difference"), `${signed(way.z, 2)} m`],
  ];
  return table(t("measured"), [t("what"), t("value")], rows, [1]);
}
