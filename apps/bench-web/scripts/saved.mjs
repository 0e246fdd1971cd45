import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const RESULTS = new URL("../../bench/results/", import.meta.url);

/** What the newest report of a default run says of a long prompt, as a picture's contents. */
export async function savedCard() {
  const reports = readdirSync(RESULTS)
    .filter((name) => name.endsWith("-layer.json"))
    .toSorted()
    .map((name) => JSON.parse(readFileSync(new URL(name, RESULTS), "utf8")));
  const whole = reports.findLast((report) => report.arguments.join(" ") === "layer --save");
  const path = fileURLToPath(new URL("../src/share/saved.ts", import.meta.url));
  const { module } = await runnerImport(path, { configFile: false, logLevel: "error" });
  return module.cardOfSaved(whole);
}
