// The button that ends a job.

import { h } from "./dom";
import { t } from "./language";
import { messageOf, remove } from "./service";

export function cancelButton(job: string, trouble: HTMLElement): HTMLButtonElement {
  const button = h("button", { type: "button" }, t("cancel"));
  button.addEventListener("click", () => {
    button.disabled = true;
    void remove(`jobs/${job}`).catch((error: unknown) => {
      button.disabled = false;
      trouble.textContent = messageOf(error);
    });
  });
  return button;
}
