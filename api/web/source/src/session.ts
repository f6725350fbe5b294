// Who is there: the log-in, the token that changes must carry, and the project that new things go into.

import { language } from "./language";

export interface Me {
  name: string;
  is_admin: boolean;
  projects: Record<string, string>;
}

const TOKEN = "tengun-csrf";
const PROJECT = "tengun-project";

let me: Me | null = null;

/** The token of the log-in; the cookie itself is out of any script's reach. */
export function token(): string | null {
  return localStorage.getItem(TOKEN);
}

export function keepToken(value: string | null): void {
  if (value === null) localStorage.removeItem(TOKEN);
  else localStorage.setItem(TOKEN, value);
}

export function setMe(found: Me | null): void {
  me = found;
}

export function whoIsThere(): Me | null {
  return me;
}

/** Projects into which the reader may put something. */
export function projects(): string[] {
  return Object.entries(me?.projects ?? {})
    .filter(([, role]) => role !== "viewer")
    .map(([name]) => name)
    .sort((a, b) => a.localeCompare(b, language()));
}

export function project(): string | null {
  const kept = localStorage.getItem(PROJECT);
  const open = projects();
  return kept !== null && open.includes(kept) ? kept : (open[0] ?? null);
}

export function keepProject(name: string): void {
  localStorage.setItem(PROJECT, name);
}

/** The address with the project that what is made goes into, where there is a choice. */
export function inProject(path: string): string {
  const name = project();
  if (projects().length < 2 || name === null) return path;
  return `${path}${path.includes("?") ? "&" : "?"}project=${encodeURIComponent(name)}`;
}
