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

/** How far a run came. */
export interface Progress {
  readonly seed: number;
  /** After the last case that ended. */
  report?: Report;
  /** Titles of the cases that began, in order; the last one may have ended. */
  readonly started: string[];
  /** Whether the last one has not. */
  running: boolean;
}

/** The rows, with one more failure where `title` counts. */
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

/** The report of a run that the backend ended: the case that ran has failed, those after it were not run. */
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
