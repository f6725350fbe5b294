// The frame of the app: header, languages, light and dark, and the page that the address names.

import { fill, h } from "./dom";
import { type Key, language, setLanguage, t } from "./language";
import { ask, messageOf, Problem, remove } from "./service";
import { keepProject, keepToken, type Me, project, projects, setMe, token, whoIsThere } from "./session";
import { setTheme, theme } from "./theme";

/** What a page gives back, to be called when it is left. */
export type Leave = () => void;
export type Page = (main: HTMLElement, parts: string[], query: URLSearchParams) => Promise<Leave | void> | Leave | void;

const PAGES: Record<string, () => Promise<{ show: Page }>> = {
  data: () => import("./pages/data"),
  jobs: () => import("./pages/jobs"),
  job: () => import("./pages/job"),
  order: () => import("./pages/order"),
  map: () => import("./pages/map"),
  volume: () => import("./pages/volume"),
  section: () => import("./pages/section"),
  view: () => import("./pages/view"),
  forest: () => import("./pages/forest"),
  admin: () => import("./pages/admin"),
  account: () => import("./pages/account"),
};
const MENU: [string, Key][] = [
  ["data", "data"],
  ["order", "new-job"],
  ["jobs", "jobs"],
  ["map", "map"],
  ["section", "section"],
];

let leave: Leave | undefined;
let turn = 0;

function header(current: string): HTMLElement {
  const menu: [string, Key][] = whoIsThere()?.is_admin ? [...MENU, ["admin", "administration"]] : MENU;
  const links = menu.map(([page, name]) =>
    h("a", { href: `#/${page}`, "aria-current": page === current ? "page" : null }, t(name)),
  );
  return h(
    "header",
    { class: "top" },
    h("a", { class: "skip", href: "#main", onclick: skip }, t("skip")),
    h("a", { class: "brand", href: "#/data" }, h("img", { src: "icon.svg", alt: "", width: 24, height: 24 }), "tengun 点群"),
    h("nav", { "aria-label": t("menu") }, links),
    h("div", { class: "switches" }, projectChoice(), languageSwitch(), themeSwitch(), logOut()),
  );
}

function skip(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>("#main")?.focus();
}

function languageSwitch(): HTMLElement {
  const other = language() === "ja" ? "en" : "ja";
  const change = () => {
    setLanguage(other);
    void open();
  };
  return h("button", { type: "button", class: "quiet", lang: other, onclick: change }, other === "en" ? "English" : "日本語");
}

function themeSwitch(): HTMLElement {
  const other = theme() === "dark" ? "light" : "dark";
  const change = () => {
    setTheme(other);
    void open();
  };
  return h("button", { type: "button", class: "quiet", onclick: change }, t(other === "dark" ? "dark" : "light"));
}

/** Where new data and jobs go, for those who have a choice. */
function projectChoice(): HTMLElement | null {
  const names = projects();
  if (names.length < 2) return null;
  const select = h("select", { "aria-label": t("project") }, names.map((name) => h("option", { value: name }, name)));
  select.value = project() ?? "";
  select.addEventListener("change", () => keepProject(select.value));
  return select;
}

function logOut(): HTMLElement | null {
  const me = whoIsThere();
  if (me === null || token() === null) return null;
  const out = async () => {
    await remove("session").catch(() => undefined);
    keepToken(null);
    setMe(null);
    void open();
  };
  const account = h("a", { class: "button quiet", href: "#/account" }, t("account"));
  return h("span", {}, account, h("button", { type: "button", class: "quiet", onclick: () => void out() }, t("log-out", me.name)));
}

/** A page that failed: the log-in where that is what is missing, else what went wrong. */
function showFailure(main: HTMLElement, error: unknown): void {
  if (error instanceof Problem && error.status === 401) {
    setMe(null);
    void import("./pages/login").then(({ show }) => show(main, () => void open()));
    return;
  }
  fill(main, h("h1", {}, t("trouble")), h("p", { class: "problem", role: "alert" }, messageOf(error)));
}

/** Back from the log-in provider: the token of the session that was opened on the way. */
async function takeToken(): Promise<void> {
  keepToken((await ask<{ csrf_token: string }>("session")).csrf_token);
  history.replaceState(null, "", location.pathname + location.hash);
}

/** A part of the address; one that somebody mistyped stands as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

async function open(): Promise<void> {
  turn += 1;
  const mine = turn;
  leave?.();
  leave = undefined;
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").map(decoded);
  const name = parts[0] && Object.hasOwn(PAGES, parts[0]) ? parts[0] : "data";
  const main = h("main", { id: "main", tabindex: -1 });
  try {
    if (location.search === "?entered") await takeToken();
    if (whoIsThere() === null) setMe(await ask<Me>("me"));
    fill(document.body, header(name), main);
    const page = await PAGES[name]!();
    const left = await page.show(main, parts.slice(1), new URLSearchParams(query));
    if (mine === turn) leave = left ?? undefined;
    else left?.();
  } catch (error) {
    if (!main.isConnected) fill(document.body, header(name), main);
    if (mine === turn) showFailure(main, error);
  }
  const heading = main.querySelector("h1")?.textContent;
  document.title = heading ? `${heading} - tengun 点群` : "tengun 点群";
  if (mine === turn) main.setAttribute("data-ready", "");
}

/** What failed where no page was waiting for it, such as a map in a dialog: nothing fails in silence. */
function tell(event: PromiseRejectionEvent): void {
  const line = document.querySelector("#untold") ?? h("p", { id: "untold", class: "problem", role: "alert" });
  fill(line, messageOf(event.reason));
  document.querySelector("#main")?.prepend(line);
}

window.addEventListener("unhandledrejection", tell);
setTheme(theme());
setLanguage(language());
window.addEventListener("hashchange", () => {
  void open().then(() => document.querySelector<HTMLElement>("#main")?.focus());
});
void open();
