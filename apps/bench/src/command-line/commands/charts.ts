import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSaved } from "../saved.js";
import { SCHEMA, type Report } from "../../harness/report.js";
import { SCALING_SCHEMA, type ScalingReport } from "../../scaling/sweep.js";
import { LAYER_SCHEMA, type LayerReport } from "../../harness/layer/run.js";
import { growthChart } from "../../charts/growth.js";
import { layerChart } from "../../charts/layers.js";
import { speedChart } from "../../charts/speed.js";

/** The charts of a saved report, by the names of their files. */
export function chartsOf(report: Report | ScalingReport | LayerReport): Map<string, string> {
  const charts = new Map<string, string | undefined>();
  if (report.schema === SCALING_SCHEMA) charts.set("growth.svg", growthChart(report));
  else if (report.schema === LAYER_SCHEMA) charts.set("layers.svg", layerChart(report));
  else {
    for (const operation of new Set(report.cases.map((one) => one.operation))) {
      charts.set(`speed-${operation}.svg`, speedChart(report, operation));
    }
  }
  return new Map([...charts].flatMap(([name, chart]) => (chart === undefined ? [] : [[name, chart]])));
}

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
  mkdirSync(folder, { recursive: true });
  return [...drawn]
    .map(([name, chart]) => {
      writeFileSync(join(folder, name), chart);
      return `Drawn: ${join(folder, name)}`;
    })
    .join("\n");
}
