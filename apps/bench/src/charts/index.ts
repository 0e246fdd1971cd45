// Saved reports as SVG files: the same bytes for the same report.
import { LAYER_SCHEMA, type LayerReport, type Report } from "../harness/index.js";
import { SCALING_SCHEMA, type ScalingReport } from "../scaling/index.js";
import { growthChart } from "./growth.js";
import { layerChart } from "./layers.js";
import { speedChart } from "./speed.js";

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
