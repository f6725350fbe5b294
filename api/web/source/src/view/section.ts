// A section: the points within half a width of a line, seen from its side.

import { Plane, Vector3 } from "three";
import { fill, h } from "../dom";
import { doing, form, labelled } from "../forms";
import { t } from "../language";
import type { View } from "./scene";

export interface SectionTool {
  element: HTMLElement;
  /** Takes the next end of the line from a click; true once both are there. */
  take: (at: Vector3) => boolean;
}

const WIDTH_M = 2;

export function sectionTool(view: View): SectionTool {
  const { origin } = view.cloud;
  const field = () => h("input", { type: "number", step: "any", required: true });
  const ends = [[field(), field()], [field(), field()]] as const; // X to the north, then Y to the east
  const width = h("input", { type: "number", min: 0.01, step: "any", required: true, value: String(WIDTH_M) });
  const trouble = h("p", { class: "problem", role: "alert" });
  let next = 0;
  const at = (end: 0 | 1) => new Vector3(Number(ends[end][1].value) - origin[0]!, Number(ends[end][0].value) - origin[1]!, 0);
  const clip = async () => {
    const [from, to] = [at(0), at(1)];
    const along = to.clone().sub(from);
    const length = along.length();
    if (!(length > 0)) throw new Error(t("second-point"));
    along.normalize();
    const side = new Vector3(along.y, -along.x, 0); // to the right of the line, where one stands to look at it
    const half = Number(width.value) / 2;
    const planes = [from.clone().addScaledVector(side, half), from.clone().addScaledVector(side, -half), from, to];
    const normals = [side.clone().negate(), side, along, along.clone().negate()];
    view.clip(normals.map((normal, place) => new Plane().setFromNormalAndCoplanarPoint(normal, planes[place]!)));
    const { min, max } = view.cloud;
    const centre = from.clone().add(to).multiplyScalar(0.5).setZ((min[2]! + max[2]!) / 2);
    view.lookFrom([side.x, side.y, 0.05], centre, Math.max(length, max[2]! - min[2]!) / 2);
  };
  const all = doing(t("unclip"), trouble, async () => {
    view.clip([]);
    view.mark([]);
    view.lookFrom([-0.5, -1, 0.8]);
  });
  const row = (name: string, end: 0 | 1) => h("fieldset", { class: "ends-of-line" }, h("legend", {}, name), labelled(t("x-of"), ends[end][0]), labelled(t("y-of"), ends[end][1]));
  const inner = form([row(t("line-from"), 0), row(t("line-to"), 1), labelled(t("section-width"), width)], t("clip"), clip);
  const element = h("details", {}, h("summary", {}, t("clip-section")), inner, h("p", { class: "actions" }, all), trouble);
  return {
    element,
    take: (point) => {
      const end = (next % 2) as 0 | 1;
      ends[end][0].value = (point.y + origin[1]!).toFixed(3);
      ends[end][1].value = (point.x + origin[0]!).toFixed(3);
      next += 1;
      element.open = true;
      fill(trouble, end === 0 ? t("second-point") : "");
      if (end === 1 && inner instanceof HTMLFormElement) inner.requestSubmit();
      return end === 1;
    },
  };
}
