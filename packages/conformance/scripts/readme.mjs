/**
 * Runs the suite on backends and writes the table of what it found into the root README, between
 * `<!-- conformance:start -->` and `<!-- conformance:end -->`.
 *
 *     node scripts/readme.mjs ../backend-js/dist/index.js#createJsBackend …
 *
 * Modules are named on the command line, so that this package imports no backend.
 */
import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { reportMarkdown, reportText, runSuites } from "../dist/index.js";

const start = "<!-- conformance:start -->";
const end = "<!-- conformance:end -->";
const readme = new URL("../../../README.md", import.meta.url);

async function load(argument) {
  const [path, name = "default"] = argument.split("#");
  const create = (await import(pathToFileURL(resolve(path)).href))[name];
  if (typeof create !== "function") throw new Error(`${path} has no function ${name}`);
  return () => create();
}

const reports = [];
for (const argument of process.argv.slice(2)) {
  const report = await runSuites(await load(argument), { seed: 1 }); // the same table every time
  console.log(reportText(report));
  reports.push(report);
}
const text = await readFile(readme, "utf8");
const [from, to] = [text.indexOf(start), text.indexOf(end)];
if (from < 0 || to < from) throw new Error(`README.md: expected ${start} and ${end}`);
const table = `${start}\n\n${reportMarkdown(reports)}\n\n`;
await writeFile(readme, text.slice(0, from) + table + text.slice(to));
if (reports.some(({ failures }) => failures.length > 0)) process.exitCode = 1;
