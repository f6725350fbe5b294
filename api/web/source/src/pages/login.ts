// Log in with name and password, or at the provider that the administrator has named.

import { fill, h } from "../dom";
import { labelled } from "../forms";
import { t } from "../language";
import { ask, messageOf, send } from "../service";
import { keepToken } from "../session";

export function show(main: HTMLElement, entered: () => void): void {
  const nameField = h("input", { autocomplete: "username", required: true });
  const passwordField = h("input", { type: "password", autocomplete: "current-password", required: true });
  const trouble = h("p", { class: "problem", role: "alert" });
  const form = h(
    "form",
    { class: "login" },
    labelled(t("user-name"), nameField),
    labelled(t("password"), passwordField),
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
  const elsewhere = h("p", {});
  ask<{ oidc?: { title: string; href: string } }>("session/ways").then(
    ({ oidc }) => {
      if (oidc) elsewhere.append(h("a", { class: "button", href: oidc.href }, t("log-in-at", oidc.title)));
    },
    (error: unknown) => (trouble.textContent = messageOf(error)),
  );
  fill(main, h("h1", {}, t("log-in")), form, elsewhere);
  nameField.focus();
}
