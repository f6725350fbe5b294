// Small forms: a field with its label, an answer that is shown once, a form that tells what went wrong.

import { type Child, fill, freshId, h } from "./dom";
import { t } from "./language";
import { messageOf } from "./service";

type Control = HTMLInputElement | HTMLSelectElement;

/** A field with its label above, and help below. */
export function labelled(text: string, control: Control, help = ""): HTMLElement {
  const id = freshId();
  control.id = id;
  if (help) control.setAttribute("aria-describedby", `${id}-help`);
  const label = h("label", { for: id }, text);
  const isBox = control instanceof HTMLInputElement && control.type === "checkbox";
  return h("div", { class: isBox ? "field box" : "field" }, isBox ? [control, label] : [label, control], help && h("p", { class: "hint", id: `${id}-help` }, help));
}

export function choice(options: [string, string][], chosen: string, label = ""): HTMLSelectElement {
  const select = h("select", { "aria-label": label || null }, options.map(([value, text]) => h("option", { value }, text)));
  select.value = chosen;
  return select;
}

/** A form whose button does one thing; what went wrong stands below. */
export function form(children: Child[], button: string, act: () => Promise<void>, kind = ""): HTMLElement {
  const trouble = h("p", { class: "problem", role: "alert" });
  const submit = h("button", { type: "submit" }, button);
  const element = h("form", { class: kind || null }, children, h("p", { class: "actions" }, submit), trouble);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    trouble.textContent = "";
    submit.disabled = true;
    act()
      .catch((error: unknown) => {
        trouble.textContent = messageOf(error);
      })
      .finally(() => {
        submit.disabled = false;
      });
  });
  return element;
}

/** A button that does one thing; what went wrong goes to `trouble`. */
export function doing(text: string, trouble: HTMLElement, act: () => Promise<void>, label = ""): HTMLButtonElement {
  const click = () => {
    trouble.textContent = "";
    act().catch((error: unknown) => {
      trouble.textContent = messageOf(error);
    });
  };
  return h("button", { type: "button", "aria-label": label || null, onclick: click }, text);
}

/** A password or key that is told once, with a button that copies it. */
export function toldOnce(place: HTMLElement, what: string, secret: string): void {
  const code = h("code", { tabindex: 0 }, secret);
  const copy = h("button", { type: "button" }, t("copy"));
  copy.addEventListener("click", () => {
    getSelection()?.selectAllChildren(code); // the clipboard is closed to pages without TLS; a selection is not
    const isDone = document.execCommand("copy");
    if (isDone) copy.textContent = t("copied");
  });
  fill(place, h("div", { class: "secret", role: "status" }, h("p", {}, t("told-once", what)), h("p", { class: "actions" }, code, copy)));
  code.focus();
}
