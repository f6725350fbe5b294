// The service's public API: addresses relative to the page, so that a path in front of the service does no harm.

import { t, told } from "./language";
import { token } from "./session";

export const ROOT = new URL("..", new URL(".", document.baseURI)).href;

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly body: Record<string, unknown>,
  ) {
    super(told(body, "detail") || told(body, "title") || t("answer-status", status));
  }

  get code(): string {
    return String(this.body.code ?? "");
  }
}

export function address(path: string): string {
  return new URL(path.replace(/^\//, ""), ROOT).href;
}

export async function ask<T>(path: string, options: RequestInit = {}): Promise<T> {
  const response = await answered(path, options);
  return (await response.json()) as T;
}

export async function askText(path: string): Promise<string> {
  return (await answered(path, {})).text();
}

export async function send<T>(path: string, content: unknown): Promise<T> {
  return ask<T>(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
  });
}

/** A change of something that is there; the answer's body is not looked at. */
export async function change(method: "PUT" | "PATCH", path: string, content: unknown): Promise<void> {
  await answered(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) });
}

export async function remove(path: string): Promise<void> {
  await answered(path, { method: "DELETE" });
}

/** What shows that a change comes from this page and not from another in the same browser. */
export function proof(): Record<string, string> {
  const known = token();
  return known === null ? {} : { "X-CSRF-Token": known };
}

export async function answered(path: string, options: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address(path), { ...options, headers: { ...options.headers, ...proof() } });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, { detail: t("no-service") });
  }
  if (!response.ok) throw new Problem(response.status, await bodyOf(response));
  return response;
}

async function bodyOf(response: Response): Promise<Record<string, unknown>> {
  try {
    return (await response.json()) as Record<string, unknown>;
  } catch {
    return {};
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** All entries of a list that the service gives page by page. */
export async function askAll<T>(path: string, member: string): Promise<T[]> {
  const step = 1000;
  const found: T[] = [];
  for (let offset = 0; ; offset += step) {
    const separator = path.includes("?") ? "&" : "?";
    const page = await ask<Record<string, T[]>>(`${path}${separator}limit=${step}&offset=${offset}`);
    const entries = page[member] ?? [];
    found.push(...entries);
    if (entries.length < step) return found;
  }
}
