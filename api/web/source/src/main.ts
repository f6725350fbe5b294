// The frame of the app: header, languages, light and dark, and the page that the address names.

import { fill, h } from "./dom";
import { type Key, language, setLanguage, t } from "./language";
import { messageOf } from "./service";
import { setTheme, theme } from "./theme";

/** What a page gives back, to be called when it is left. */
export type Leave = () => void;
export type Page = (main: HTMLElement, parts: string[], query: URLSearchParams) => Promise<Leave | void> | Leave | void;

const PAGES: Record<string, () => Promise<{ show: Page }>> = {
  data: () => import("./pages/data"),
  jobs: () => import("./pages/jobs"),
  job: () => import("./pages/job"),
  order: () => import("./pages/order"),
};
const MENU: [string, Key][] = [
  ["data", "data"],
  ["order", "new-job"],
  ["jobs", "jobs"],
];

let leave: Leave | undefined;
let turn = 0;

function header(current: string): HTMLElement {
  const links = MENU.map(([page, name]) =>
    h("a", { href: `#/${page}`, "aria-current": page === current ? "page" : null }, t(name)),
  );
  return h(
    "header",
    { class: "top" },
    h("a", { class: "skip", href: "#main", onclick: skip }, t("skip")),
    h("a", { class: "brand", href: "#/data" }, h("img", { src: "icon.svg", alt: "", width: 24, height: 24 }), "tengun 点群"),
    h("nav", { "aria-label": t("menu") }, links),
    h("div", { class: "switches" }, languageSwitch(), themeSwitch()),
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

async function open(): Promise<void> {
  turn += 1;
  const mine = turn;
  leave?.();
  leave = undefined;
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").map(decodeURIComponent);
  const name = parts[0] && parts[0] in PAGES ? parts[0] : "data";
  const main = h("main", { id: "main", tabindex: -1 });
  fill(document.body, header(name), main);
  try {
    const page = await PAGES[name]!();
    const left = await page.show(main, parts.slice(1), new URLSearchParams(query));
    if (mine === turn) leave = left ?? undefined;
    else left?.();
  } catch (error) {
    if (mine === turn) fill(main, h("h1", {}, t("trouble")), h("p", { class: "problem", role: "alert" }, messageOf(error)));
  }
  const heading = main.querySelector("h1")?.textContent;
  document.title = heading ? `${heading} - tengun 点群` : "tengun 点群";
  if (mine === turn) main.setAttribute("data-ready", "");
}

setTheme(theme());
setLanguage(language());
window.addEventListener("hashchange", () => {
  void open().then(() => document.querySelector<HTMLElement>("#main")?.focus());
});
void open();
