// Measures what an entry costs a page: its size when esbuild bundles and minifies it alone, gzipped. The README has the table.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { ROOT, publishable, resolveTarget } from "@dlrt/release/packages";
import { replaceBetween, textBetween } from "../markers.mjs";

export const README = join(ROOT, "README.md");
/** The relative change of an entry from which on the table must be brought up to date. */
export const TOLERANCE = 0.1;

const gzipped = (files) =>
  files.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0);

/** Returns the sizes of the files that load with an entry, and of those that load later by `import()`, minified and gzipped, in bytes. */
async function weigh(path, external) {
  const { outputFiles, metafile } = await build({
    entryPoints: { entry: path },
    bundle: true,
    minify: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    external: [...external, "node:*", "webgpu"],
    outdir: "/sizes",
    write: false,
    metafile: true,
    logLevel: "silent",
    legalComments: "none",
  });
  const outputs = Object.entries(metafile.outputs);
  const byName = new Map(outputs.map(([name, output]) => [name.split("/").at(-1), output]));
  const first = new Set();
  const visit = (name) => {
    if (first.has(name) || !byName.has(name)) return;
    first.add(name);
    for (const { path: to, kind } of byName.get(name).imports) {
      if (kind === "import-statement") visit(to.split("/").at(-1));
    }
  };
  visit("entry.js");
  const named = outputFiles.map((file) => ({
    ...file,
    contents: file.contents,
    name: file.path.split(/[\\/]/).at(-1),
  }));
  return {
    now: gzipped(named.filter(({ name }) => first.has(name))),
    later: gzipped(named.filter(({ name }) => !first.has(name))),
  };
}

/**
 * Measures every entry. Core is not counted with the others, since a page loads it once.
 * @returns {Promise<{ entry: string, now: number, later: number }[]>} sizes in bytes
 */
export async function measure() {
  const rows = [];
  for (const { name, folder, manifest, entries } of publishable()) {
    const peers = Object.keys(manifest.peerDependencies ?? {});
    const external = name === "@dlrt/core" ? [] : ["@dlrt/core", "@dlrt/core/*", ...peers];
    for (const entry of entries) {
      const target = resolveTarget(manifest.exports[`.${entry.slice(name.length)}`], [
        "browser",
        "import",
        "default",
      ]);
      rows.push({ entry, ...(await weigh(join(folder, target), external)) });
    }
  }
  return rows.toSorted((a, b) => (a.entry < b.entry ? -1 : 1));
}

const kilobytes = (bytes) => (bytes === 0 ? "–" : `${(bytes / 1000).toFixed(1)} kB`);

export function table(rows) {
  const lines = rows.map(
    ({ entry, now, later }) => `| \`${entry}\` | ${kilobytes(now)} | ${kilobytes(later)} |`,
  );
  const how =
    "Each entry bundled alone, minified, gzipped; backends without core, which a page loads once. " +
    "Of what backend-wasm has in store for later, a page loads one module in four.";
  return [how, "", "| entry | gzip | loaded when needed |", "| --- | --- | --- |", ...lines].join("\n");
}

/** Reads the table of a README: for each entry the kB that load with it and later. */
export function readTable(markdown) {
  const rows = textBetween(markdown, "sizes").matchAll(/^\| `(.+)` \| (.+) \| (.+) \|$/gm);
  return Object.fromEntries(
    [...rows].map(([, entry, ...cells]) => [entry, cells.map((c) => Number.parseFloat(c) || 0)]),
  );
}

/** Returns a line for each entry that is missing, gone, or off by more than the tolerance and by more than 0.1 kB, the rounding. */
export function differences(rows, written) {
  const off = (measured, said) => Math.abs(measured - said) > Math.max(TOLERANCE * said, 0.1);
  const changed = rows.flatMap(({ entry, now, later }) => {
    const [saidNow, saidLater] = written[entry] ?? [];
    if (saidNow === undefined) return [`${entry} is not in the table`];
    const is = `${kilobytes(now)}, later ${kilobytes(later)}`;
    return off(now / 1000, saidNow) || off(later / 1000, saidLater)
      ? [`${entry} is ${is}; said: ${saidNow}, ${saidLater}`]
      : [];
  });
  const gone = Object.keys(written).filter((entry) => !rows.some((row) => row.entry === entry));
  return [...changed, ...gone.map((entry) => `${entry} is no more`)];
}

export const withTable = (markdown, rows) => replaceBetween(markdown, "sizes", table(rows));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const rows = await measure();
  const before = existsSync(README) ? readFileSync(README, "utf8") : "";
  console.log(table(rows));
  writeFileSync(README, withTable(before, rows));
}
