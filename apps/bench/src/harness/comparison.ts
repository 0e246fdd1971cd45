import type { LayerCase } from "./layer/run.js";
import type { CaseReport, Found, Peaks, ReportOfRun } from "./report.js";
import type { SeedCheck } from "./seed-check.js";

/** The version of the format, which changes when the meaning of a field does. */
export const SCHEMA = "dlrt-bench/1";

/** The report of `bench`, and of a run in the page. */
export interface Report extends ReportOfRun, Pick<Found, "missing"> {
  readonly schema: typeof SCHEMA;
  readonly peaks: Peaks;
  readonly seed: readonly SeedCheck[];
  /** The layer that the main comparison begins with, where no other work was asked for. */
  readonly layers?: readonly LayerCase[];
  readonly cases: readonly CaseReport[];
}
