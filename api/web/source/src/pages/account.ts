// One's own account: password, API keys, preferences.

import { fill, h } from "../dom";
import { choice, form, labelled } from "../forms";
import { keysSection } from "../keys";
import { language, setLanguage, t } from "../language";
import { change } from "../service";
import { keepProject, keepToken, project, projects, setMe, token, whoIsThere } from "../session";
import { setTheme, theme } from "../theme";

export async function show(main: HTMLElement): Promise<void> {
  const me = whoIsThere();
  const hasAccount = token() !== null && me !== null;
  const keys = hasAccount ? await keysSection("me/keys", Object.keys(me.projects)) : h("p", {}, t("no-account"));
  fill(main, h("h1", {}, t("account")), me && h("p", {}, me.name, me.is_admin && ` (${t("admin")})`), preferences(), keys, hasAccount && password(me.name));
}

function preferences(): HTMLElement {
  const again = () => window.dispatchEvent(new HashChangeEvent("hashchange"));
  const tongue = choice([["ja", "日本語"], ["en", "English"]], language());
  tongue.addEventListener("change", () => {
    setLanguage(tongue.value === "en" ? "en" : "ja");
    again();
  });
  const colours = choice([["light", t("light")], ["dark", t("dark")]], theme());
  colours.addEventListener("change", () => {
    setTheme(colours.value === "dark" ? "dark" : "light");
    again();
  });
  const names = projects();
  const usual = choice(names.map((name): [string, string] => [name, name]), project() ?? "");
  usual.addEventListener("change", () => {
    keepProject(usual.value);
    again();
  });
  return h(
    "section",
    {},
    h("h2", {}, t("preferences")),
    h("div", { class: "inline" }, labelled(t("language"), tongue), labelled(t("colours"), colours), names.length > 1 && labelled(t("usual-project"), usual)),
    h("p", { class: "hint" }, t("kept-here")),
  );
}

function password(name: string): HTMLElement {
  const field = (autocomplete: string) => h("input", { type: "password", required: true, autocomplete });
  const [present, fresh, again] = [field("current-password"), field("new-password"), field("new-password")];
  fresh.minLength = 12;
  const user = h("input", { value: name, autocomplete: "username", hidden: true }); // so that a password store knows whose it is
  const fields = [user, labelled(t("present-password"), present), labelled(t("new-password"), fresh), labelled(t("new-again"), again)];
  const act = async () => {
    if (fresh.value !== again.value) throw new Error(t("not-the-same"));
    await change("PUT", "me/password", { present: present.value, new: fresh.value });
    keepToken(null); // every session has ended with the old password
    setMe(null);
    alert(t("password-changed"));
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  };
  return h("section", {}, h("h2", {}, t("change-password")), form(fields, t("change-password"), act, "login"));
}
