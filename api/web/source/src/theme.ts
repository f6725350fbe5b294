// Light and dark: what the system wants until the reader chooses.

export type Theme = "light" | "dark";

const KEY = "tengun-theme";
let chosen = localStorage.getItem(KEY);

export function theme(): Theme {
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function setTheme(wanted: Theme): void {
  if (wanted !== theme()) {
    chosen = wanted;
    localStorage.setItem(KEY, wanted);
  }
  document.documentElement.dataset.theme = wanted;
}
