// Files from the reader's disk to the service, a few at a time, each with its progress.

import type { Dataset } from "./answers";
import { t } from "./language";
import { address, Problem, proof } from "./service";
import { inProject } from "./session";

const AT_ONCE = 2;

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

/** One file in one request; fetch tells nothing of how far an upload is, so XMLHttpRequest. */
function transfer(file: File, progress: (share: number) => void): Promise<Dataset> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address(inProject(`datasets?name=${encodeURIComponent(file.name)}`)));
    request.setRequestHeader("Content-Type", "application/octet-stream");
    for (const [name, value] of Object.entries(proof())) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.onprogress = (event) => progress(event.total > 0 ? event.loaded / event.total : 0);
    request.onerror = () => reject(new Problem(0, { detail: t("upload-broken") }));
    request.onload = () => {
      if (request.status === 201) resolve(request.response as Dataset);
      else reject(new Problem(request.status, (request.response ?? {}) as Record<string, unknown>));
    };
    request.send(file);
  });
}

/** Files of a drop, folders gone through; names of hidden files left out. */
export async function droppedFiles(items: DataTransferItemList): Promise<File[]> {
  const entries = Array.from(items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const found = await Promise.all(entries.map(filesOf));
  return found.flat().filter((file) => !file.name.startsWith("."));
}

async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    return [await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))];
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
