// Files from the reader's disk to the service, a few at a time, each with its progress.

import type { Dataset } from "./answers";
import { t } from "./language";
import { address, answered, ask, Problem, proof } from "./service";
import { inProject } from "./session";

const AT_ONCE = 2;
const PIECE_BYTES = 8 * 1024 * 1024;
/** Failures of one piece in a row, the last one after half a minute. */
const PATIENCE = 6;
const TUS = { "Tus-Resumable": "1.0.0" };

interface State {
  id: string;
  offset: number;
  dataset?: Dataset;
}

export interface Upload {
  file: File;
  progress: (share: number) => void;
  done: (dataset: Dataset) => void;
  failed: (problem: Problem) => void;
}

const waiting: Upload[] = [];
let running = 0;

export function enqueue(uploads: Upload[]): void {
  waiting.push(...uploads);
  startNext();
}

function startNext(): void {
  while (running < AT_ONCE && waiting.length > 0) {
    const upload = waiting.shift()!;
    running += 1;
    void transfer(upload.file, upload.progress)
      .then(upload.done, upload.failed)
      .finally(() => {
        running -= 1;
        startNext();
      });
  }
}

/** One file, in pieces; what the service has of it already, also from another day, is not sent again. */
async function transfer(file: File, progress: (share: number) => void): Promise<Dataset> {
  const key = `tengun-upload ${file.name} ${file.size} ${file.lastModified}`;
  let state = await begun(localStorage.getItem(key), file);
  localStorage.setItem(key, state.id);
  let failures = 0;
  try {
    while (state.offset < file.size) {
      progress(state.offset / file.size);
      try {
        await sendPiece(file, state, progress);
        failures = 0;
      } catch (error) {
        failures += 1;
        if (!isPassing(error) || failures > PATIENCE) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** failures));
      }
      state = await again(state);
    }
    progress(1);
    const dataset = state.dataset ?? (await ask<State>(`uploads/${state.id}`)).dataset;
    localStorage.removeItem(key);
    return dataset!;
  } catch (error) {
    if (!isPassing(error)) localStorage.removeItem(key); // a refused file begins anew
    throw error;
  }
}

/** What the service knows of an upload: that of before, or a new one. */
async function begun(id: string | null, file: File): Promise<State> {
  if (id !== null) {
    try {
      const known = await ask<State>(`uploads/${id}`);
      if (known.dataset === undefined) return known;
    } catch (error) {
      if (isPassing(error)) throw error; // else it has expired
    }
  }
  const name = btoa(String.fromCodePoint(...new TextEncoder().encode(file.name)));
  const headers = { ...TUS, "Upload-Length": String(file.size), "Upload-Metadata": `filename ${name}` };
  const response = await answered(inProject("uploads"), { method: "POST", headers });
  return { id: response.headers.get("Location")!.split("/").at(-1)!, offset: 0 };
}

/** Where the service stands; the present knowledge while it does not answer. */
async function again(state: State): Promise<State> {
  try {
    return await ask<State>(`uploads/${state.id}`);
  } catch (error) {
    if (isPassing(error)) return state;
    throw error;
  }
}

/** Whether trying again may help: no answer, another piece still on its way, or the service busy. */
function isPassing(error: unknown): boolean {
  return error instanceof Problem && [0, 409, 423, 429, 502, 503, 504].includes(error.status);
}

/** fetch tells nothing of how far an upload is, so XMLHttpRequest. */
function sendPiece(file: File, state: State, progress: (share: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PATCH", address(`uploads/${state.id}`));
    const headers = { ...TUS, ...proof(), "Upload-Offset": String(state.offset), "Content-Type": "application/offset+octet-stream" };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => progress((state.offset + event.loaded) / file.size);
    request.onerror = () => reject(new Problem(0, { detail: t("upload-broken") }));
    request.onload = () => {
      if (request.status === 204) resolve();
      else reject(new Problem(request.status, bodyOf(request.responseText)));
    };
    request.send(file.slice(state.offset, state.offset + PIECE_BYTES));
  });
}

function bodyOf(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

const dropped = new WeakMap<File, string>();

/** The folders and the name that a file was chosen or dropped with. */
export function pathOf(file: File): string {
  return dropped.get(file) ?? (file.webkitRelativePath || file.name);
}

/** Files of a drop, folders gone through; names of hidden files left out. */
export async function droppedFiles(items: DataTransferItemList): Promise<File[]> {
  const entries = Array.from(items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const found = await Promise.all(entries.map(filesOf));
  return found.flat().filter((file) => !file.name.startsWith("."));
}

async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    dropped.set(file, entry.fullPath);
    return [file];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: File[] = [];
  for (;;) {
    // a reader gives at most 100 entries a call
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found;
    found.push(...(await Promise.all(some.map(filesOf))).flat());
  }
}
