import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { ScalingReport } from "./sweep.js";

const require = createRequire(import.meta.url);

/** The library's one-file build, which lies in dist beside the src that import finds. */
function bundled(name: string, file: string): string {
  return readFileSync(join(dirname(require.resolve(name)), "..", "dist", file), "utf8");
}

const asset = (name: string): string =>
  readFileSync(join(import.meta.dirname, "..", "..", "assets", name), "utf8");

/** Makes sure that nothing in the text ends the script element in which it stands. */
const inScript = (text: string): string => text.replaceAll(/<(?=\/script|!--)/gi, "\\x3c");

/** The report as a single file: data, libraries and all, so that it opens without a network. */
export function scalingHtml(report: ScalingReport): string {
  const data = JSON.stringify(report).replaceAll("<", "\\u003c");
  const parts: Readonly<Record<string, string>> = {
    DATA: data,
    D3: inScript(bundled("d3", "d3.min.js")),
    PLOT: inScript(bundled("@observablehq/plot", "plot.umd.min.js")),
    SCRIPT: inScript(asset("scaling.js")),
  };
  // A function is passed, because `$` in the libraries must not be read as a pattern.
  return asset("scaling.html").replaceAll(
    /(?:"|\/\*)\{\{([A-Z0-9]+)\}\}(?:"|\*\/)/g,
    (whole, key: string) => parts[key] ?? whole,
  );
}
