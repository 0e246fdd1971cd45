import { join } from "node:path";
import { chartsOf } from "../../charts/index.js";
import { LAYER_SCHEMA, SCHEMA } from "../../harness/index.js";
import { SCALING_SCHEMA } from "../../scaling/index.js";
import { readSaved, writeText } from "../saved.js";

/**
 * `bench charts`: draws saved reports into a folder.
 * @returns what to print
 * @throws Error when a file is no report, or two would draw the same chart
 */
export function chartsCommand(paths: readonly string[], folder: string): string {
  const drawn = new Map<string, string>();
  for (const path of paths) {
    for (const [name, chart] of chartsOf(readSaved("charts", path, [SCHEMA, SCALING_SCHEMA, LAYER_SCHEMA]))) {
      if (drawn.has(name)) throw new Error(`charts ${path}: another file draws ${name} too`);
      drawn.set(name, chart);
    }
  }
  for (const [name, chart] of drawn) writeText(join(folder, name), chart);
  return [...drawn.keys()].map((name) => `Drawn: ${join(folder, name)}`).join("\n");
}
