// The files of a job, those that people open first at the top.

import type { File } from "./answers";
import { h, table } from "./dom";
import { bytes } from "./format";
import { language, t, told } from "./language";
import { address } from "./service";

const FIRST = ["pdf", "xlsx", "dxf", "png", "gpkg", "laz", "tif"];

function rank(file: File): number {
  const place = FIRST.indexOf(file.path.split(".").at(-1) ?? "");
  const otherLanguage = language() === "ja" ? "_en." : "_ja.";
  return (place < 0 ? FIRST.length : place) + (file.path.includes(otherLanguage) ? 0.5 : 0);
}

export function downloads(job: string, files: File[]): HTMLElement {
  const sorted = [...files].sort((a, b) => rank(a) - rank(b));
  const rows = sorted.map((file) => [
    h("a", { href: address(filePath(job, file.path)), download: file.path.split("/").at(-1) ?? file.path }, file.path),
    told(file, "title"),
    bytes(file.size),
  ]);
  return h(
    "div",
    {},
    h("p", {}, h("a", { class: "button", href: address(`jobs/${job}/results.zip`), download: true }, t("all-files"))),
    table(t("files"), [t("file"), t("what"), t("size")], rows, [2]),
  );
}

/** Where a file of a job lies below the service's address. */
export function filePath(job: string, path: string): string {
  return `jobs/${job}/results/${path.split("/").map(encodeURIComponent).join("/")}`;
}

/** Whether a file is of points that can be viewed from anywhere without all of it. */
export function isCopc({ path }: File): boolean {
  return /\.copc\.laz$/i.test(path);
}
