// Log in with name and password.

import { fill, freshId, h } from "../dom";
import { t } from "../language";
import { messageOf, send } from "../service";
import { keepToken } from "../session";

export function show(main: HTMLElement, entered: () => void): void {
  const [name, password] = [freshId(), freshId()];
  const nameField = h("input", { id: name, autocomplete: "username", required: true });
  const passwordField = h("input", { id: password, type: "password", autocomplete: "current-password", required: true });
  const trouble = h("p", { class: "problem", role: "alert" });
  const form = h(
    "form",
    { class: "login" },
    h("p", { class: "field" }, h("label", { for: name }, t("user-name")), nameField),
    h("p", { class: "field" }, h("label", { for: password }, t("password")), passwordField),
    h("p", {}, h("button", { type: "submit", class: "main" }, t("log-in"))),
    trouble,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    trouble.textContent = "";
    keepToken(null);
    send<{ csrf_token: string }>("session", { name: nameField.value, password: passwordField.value }).then(
      (answer) => {
        keepToken(answer.csrf_token);
        entered();
      },
      (error: unknown) => {
        trouble.textContent = messageOf(error);
        passwordField.select();
      },
    );
  });
  fill(main, h("h1", {}, t("log-in")), form);
  nameField.focus();
}
