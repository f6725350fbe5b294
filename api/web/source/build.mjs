// Builds ../static from src and the packages of the lock file: `node build.mjs [FOLDER]`.
// The same sources and lock file give the same bytes; static/sources.txt says from which they were made.
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = resolve(process.argv[2] ?? join(here, "..", "static"));
const maplibre = join(here, "node_modules", "maplibre-gl");

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

const sha256 = (content) => createHash("sha256").update(content).digest("hex");

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });

const worker = readFileSync(join(maplibre, "dist", "maplibre-gl-worker.mjs"));
const workerName = `maplibre-worker-${sha256(worker).slice(0, 8)}.js`;
writeFileSync(join(target, workerName), String(worker).replace(/\n\/\/# sourceMappingURL=.*\n?$/, "\n"));

const wasm = readFileSync(join(here, "node_modules", "laz-perf", "lib", "worker", "laz-perf.wasm"));
const wasmName = `laz-perf-${sha256(wasm).slice(0, 8)}.wasm`;
writeFileSync(join(target, wasmName), wasm);
// copc would bring a fetch of its own, and the LAZ decoder of pages instead of that of workers
const alias = { "cross-fetch": "./src/view/nothing.ts", "laz-perf": "./node_modules/laz-perf/lib/worker/index.js" };
const inPage = { ...alias, "laz-perf": "./src/view/nothing.ts" }; // the page itself unpacks nothing

const viewWorker = await build({
  absWorkingDir: here,
  entryPoints: { "view-worker": "src/view/worker.ts" },
  bundle: true,
  format: "iife",
  platform: "browser",
  alias,
  external: ["fs", "path"], // never reached in a browser
  target: ["es2022"],
  minify: true,
  charset: "utf8",
  legalComments: "none",
  entryNames: "[name]-[hash]",
  outdir: target,
  metafile: true,
});
const viewWorkerName = basename(Object.keys(viewWorker.metafile.outputs)[0]);

const result = await build({
  absWorkingDir: here,
  entryPoints: ["src/main.ts"],
  bundle: true,
  splitting: true,
  format: "esm",
  alias: inPage,
  external: ["fs", "path"],
  target: ["es2022"],
  minify: true,
  charset: "utf8",
  legalComments: "none", // LICENSES.txt has them
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  outdir: target,
  define: {
    MAPLIBRE_WORKER: JSON.stringify(workerName),
    VIEW_WORKER: JSON.stringify(viewWorkerName),
    LAZ_WASM: JSON.stringify(wasmName),
  },
  metafile: true,
});
const styles = await build({
  absWorkingDir: here,
  entryPoints: ["src/style.css", "src/map.css"],
  bundle: true,
  minify: true,
  entryNames: "[name]-[hash]",
  outdir: target,
  metafile: true,
});

const made = [...Object.keys(result.metafile.outputs), ...Object.keys(styles.metafile.outputs)];
const nameOf = (pattern) => relative(target, resolve(here, made.find((path) => pattern.test(path))));
const page = readFileSync(join(here, "src", "index.html"), "utf8")
  .replace("{{script}}", nameOf(/[\\/]main-\w+\.js$/))
  .replace("{{style}}", nameOf(/[\\/]style-\w+\.css$/))
  .replace("{{map-style}}", nameOf(/[\\/]map-\w+\.css$/));
writeFileSync(join(target, "index.html"), page);
cpSync(join(here, "src", "icon.svg"), join(target, "icon.svg"));

const licences = { "maplibre-gl": "LICENSE.txt", three: "LICENSE", copc: "license", "laz-perf": null };
const texts = Object.entries(licences).map(([name, file]) => {
  const folder = join(here, "node_modules", name);
  // laz-perf ships no licence file; its package.json names the Apache License 2.0, whose text is in ours
  const text = file ? readFileSync(join(folder, file), "utf8") : "Apache License 2.0, see LICENSE of tengun\n";
  return `${name} ${JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version}\n\n${text}`;
});
writeFileSync(join(target, "LICENSES.txt"), texts.join("\n\n"));

const sources = [...filesBelow(join(here, "src")), join(here, "build.mjs"), join(here, "package-lock.json")];
const lines = sources
  .map((path) => `${sha256(readFileSync(path))}  ${relative(here, path).replaceAll("\\", "/")}\n`)
  .sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1));
writeFileSync(join(target, "sources.txt"), lines.join(""));
