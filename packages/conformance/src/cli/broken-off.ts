import { titleOf, type Report, type ReportRow } from "../report.js";
import { allCases } from "../suites/index.js";

const NOTHING: Omit<Report, "seed"> = {
  backend: { name: "no backend", build: "none was made", dtypes: [] },
  passed: 0,
  cases: 0,
  seconds: 0,
  rows: [],
  families: [],
  failures: [],
  notRun: [],
};

/** How far a run has come. */
export interface Progress {
  readonly seed: number;
  /** The report after the last case that ended. */
  report?: Report;
  /** The titles of the cases that began, in order. The last one may have ended. */
  readonly started: string[];
  /** Whether the last of them has not ended. */
  running: boolean;
}

/** Returns the rows with one more failure in the row under which `title` counts. */
function withFailure(rows: readonly ReportRow[], title: string): ReportRow[] {
  const subject = allCases().find((one) => titleOf(one) === title);
  if (subject === undefined) return [...rows];
  const { operation, dtype } = subject;
  const own = rows.find((row) => row.operation === operation && row.dtype === dtype);
  const failed = {
    ...(own ?? { operation, ...(dtype && { dtype }), cases: 0 }),
    failed: (own?.failed ?? 0) + 1,
  };
  return own ? rows.map((row) => (row === own ? failed : row)) : [...rows, failed];
}

/**
 * Makes the report of a run that the backend ended: the case that was running has failed, and those after it were not
 * run.
 */
export function brokenOff(progress: Progress, titles: readonly string[], why: string): Report {
  const { seed, report, started, running } = progress;
  const known: Report = report ?? { ...NOTHING, seed };
  const name = (running && started.at(-1)) || (started.length > 0 ? "run › between cases" : "run › loading");
  const begun = new Set(started);
  const rest = titles.filter((title) => !begun.has(title));
  return {
    ...known,
    rows: withFailure(known.rows, name),
    failures: [...known.failures, { name, message: why }],
    notRun: [...known.notRun, ...rest.map((title) => ({ name: title, why: "the run broke off" }))],
  };
}
