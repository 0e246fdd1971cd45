import type { Backend, Dtype } from "@dlrt/core";
import type { Omega } from "./backward-error.js";
import { markdownText, messageOf, textOf, visible } from "./text.js";

/** What a named test is about. */
export interface Subject {
  readonly suite: string;
  readonly name: string;
  /** The row of the report under which it counts. */
  readonly operation: string;
  /** The dtype that it needs. It is not run on a backend without that. */
  readonly dtype?: Dtype;
}

/** One line of the report: an operation in one dtype. */
export interface ReportRow {
  readonly operation: string;
  readonly dtype?: Dtype;
  /** The number of problems that were run and judged. */
  cases: number;
  /** The ω nearest to its limit, in ε; absent where the promise is a yes or no. null: not finite. */
  worst?: number | null;
  /** The limit of that ω, in ε. */
  limit?: number;
  /** The problem in which that ω was found. */
  where?: string;
  /** The number of named tests under this row that failed. */
  failed?: number;
}

/** The worst of one family of problems, whatever the operation. */
export interface FamilyRow {
  readonly family: string;
  readonly dtype?: Dtype;
  /** The ω nearest to its limit, in ε. null: not finite. */
  worst: number | null;
  /** What that ω may be, in ε. */
  limit: number;
  readonly operation: string;
  readonly where: string;
}

export interface ReportFailure {
  /** "suite › name" */
  readonly name: string;
  readonly message: string;
}

export interface ReportSkip {
  readonly name: string;
  readonly why: string;
}

/** What a run showed; plain JSON. */
export interface Report {
  readonly backend: {
    name: string;
    build: string;
    dtypes: readonly Dtype[];
    fallback?: string;
    software?: boolean;
  };
  readonly seed: number;
  /** The number of named tests that passed. */
  readonly passed: number;
  /** The number of problems that were run, over all tests. */
  readonly cases: number;
  readonly seconds: number;
  readonly rows: readonly ReportRow[];
  readonly families: readonly FamilyRow[];
  readonly failures: readonly ReportFailure[];
  readonly notRun: readonly ReportSkip[];
}

/** Why a case was not run: an option excluded it. All other reasons are what the backend lacks. */
export const SKIPPED = "skipped by option";

interface Measurement {
  readonly omega: Omega;
  readonly limit: number;
  readonly where: string;
  readonly family?: string;
}

/** Gathers what cases show while they run. */
export class Recorder {
  readonly #rows = new Map<string, ReportRow>();
  readonly #families = new Map<string, FamilyRow>();
  readonly #failures: ReportFailure[] = [];
  readonly #notRun: ReportSkip[] = [];
  readonly #start: number = Date.now();
  #passed = 0;

  count(subject: Subject, pieces: number): void {
    this.#row(subject).cases += pieces;
  }

  measure(subject: Subject, measurement: Measurement): void {
    const { omega, limit, where, family } = measurement;
    if (family !== undefined) this.#measureFamily(family, subject, measurement);
    const row = this.#row(subject);
    row.cases++;
    // Limits grow with the rank, so the worst is what comes nearest to its own.
    if (row.worst === null || (row.worst !== undefined && omega / limit <= row.worst / row.limit!)) return;
    row.limit = limit;
    row.worst = Number.isFinite(omega) ? omega : null;
    row.where = where;
  }

  #measureFamily(family: string, { operation, dtype }: Subject, { omega, limit, where }: Measurement): void {
    const key = `${family} ${dtype}`;
    const before = this.#families.get(key);
    if (before && (before.worst === null || omega / limit <= before.worst / before.limit)) return;
    const worst = Number.isFinite(omega) ? omega : null;
    this.#families.set(key, { family, ...(dtype && { dtype }), worst, limit, operation, where });
  }

  pass(): void {
    this.#passed++;
  }

  fail(subject: Subject, error: unknown): void {
    const row = this.#row(subject);
    row.failed = (row.failed ?? 0) + 1;
    this.#failures.push({ name: titleOf(subject), message: messageOf(error) });
  }

  /** Records what failed outside of every case, such as the end of a backend. */
  failStep(name: string, error: unknown): void {
    this.#failures.push({ name: titleOf({ suite: "run", name }), message: messageOf(error) });
  }

  skip(subject: Subject, why: string): void {
    this.#notRun.push({ name: titleOf(subject), why });
  }

  /** Returns what is known by now, also in the middle of a run. `backend` is absent where none could be made. */
  report(backend: Backend | undefined, seed: number): Report {
    const rows = [...this.#rows.values()];
    return {
      backend: identityOf(backend),
      seed,
      passed: this.#passed,
      cases: rows.reduce((sum, row) => sum + row.cases, 0),
      seconds: (Date.now() - this.#start) / 1000,
      rows,
      families: [...this.#families.values()],
      failures: [...this.#failures],
      notRun: [...this.#notRun],
    };
  }

  #row({ operation, dtype }: Subject): ReportRow {
    const key = `${operation} ${dtype ?? ""}`;
    const row = this.#rows.get(key) ?? { operation, ...(dtype && { dtype }), cases: 0 };
    this.#rows.set(key, row);
    return row;
  }
}

/** How the report names a backend that was never made. */
const NONE: Report["backend"] = { name: "no backend", build: "none was made", dtypes: [] };

/** What a backend says it is, as plain JSON even where it says nonsense: the supports suite judges that. */
function identityOf(backend: Backend | undefined): Report["backend"] {
  if (backend === undefined) return NONE;
  try {
    const { name, supports } = backend;
    const { build, dtypes, fallback, software } = supports;
    return {
      name: textOf(name),
      build: textOf(build),
      dtypes: [...dtypes].map((dtype) => textOf(dtype) as Dtype),
      ...(fallback !== undefined && { fallback: textOf(fallback) }),
      ...(software !== undefined && { software: Boolean(software) }),
    };
  } catch (error) {
    return { ...NONE, build: `it does not say what it is: ${messageOf(error)}` };
  }
}

/** "suite › name": how a case is called everywhere. */
export function titleOf({ suite, name }: Pick<Subject, "suite" | "name">): string {
  return `${suite} › ${name}`;
}

/** "0.93 ≤ 16", "17.2 > 16", "held", "broken", or "not finite". */
function worstOf({ worst, limit, failed }: ReportRow): string {
  if (limit === undefined) return failed ? "broken" : "held";
  if (worst === null || worst === undefined) return "not finite";
  return `${worst.toFixed(2)} ${worst <= limit ? "≤" : ">"} ${limit}${failed && worst <= limit ? ", broken" : ""}`;
}

function pad(cells: readonly (readonly string[])[]): string[] {
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}

/** The report for a terminal. Control characters in what the backend says are written out, as \u001b. */
export function reportText(report: Report): string {
  const { backend, rows, failures, notRun } = report;
  const head = ["operation", "dtype", "cases", "worst, ε", "where"];
  const lines = rows.map((row) => [
    row.operation,
    row.dtype ?? "",
    String(row.cases),
    worstOf(row),
    row.where ?? "",
  ]);
  const indented = (message: string): string => message.split("\n").map(visible).join("\n  ");
  return [
    `${visible(`${backend.name} (${backend.build})`)}: ${report.passed} tests passed, ${failures.length} failed, ${notRun.length} not run; ` +
      `${report.cases} cases in ${report.seconds.toFixed(1)} s, seed ${report.seed}`,
    ...(backend.fallback === undefined ? [] : [`fallback: ${visible(backend.fallback)}`]),
    ...pad([head, ...lines]),
    ...familyLines(report),
    ...failures.map(({ name, message }) => `FAILED ${visible(name)}\n  ${indented(message)}`),
    ...notRun.map(({ name, why }) => `not run: ${visible(name)} (${visible(why)})`),
  ].join("\n");
}

/** The worst of each family, as lines for a terminal. */
function familyLines({ families }: Report): string[] {
  if (families.length === 0) return [];
  const head = ["family", "dtype", "", "worst, ε", "where"];
  return pad([
    head,
    ...families.map((row) => [
      row.family,
      row.dtype ?? "",
      row.operation,
      worstOf({ ...row, cases: 1 }),
      row.where,
    ]),
  ]);
}

/**
 * Backends side by side, a column each per dtype, as a Markdown table: worst ω, or that a promise held. Markup in what
 * a backend says is escaped.
 */
export function reportMarkdown(reports: readonly Report[]): string {
  const columns = reports.flatMap((report) => report.backend.dtypes.map((dtype) => ({ report, dtype })));
  const operations = [...new Set(reports.flatMap(({ rows }) => rows.map(({ operation }) => operation)))];
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const table = operations.map((operation) =>
    line([operation, ...columns.map(({ report, dtype }) => cellOf(report, operation, dtype))]),
  );
  const totals = reports.map(
    ({ backend, passed, failures, notRun, cases }) =>
      `${markdownText(`${backend.name} (${backend.build})`)}: ${passed} tests passed, ${failures.length} failed, ${notRun.length} not run; ${cases} cases.`,
  );
  return [
    line([
      "worst ω, in ε",
      ...columns.map(({ report, dtype }) => markdownText(`${report.backend.name} ${dtype}`)),
    ]),
    line(["---", ...columns.map(() => "---:")]),
    ...table,
    "",
    ...totals,
  ].join("\n");
}

function cellOf({ rows }: Report, operation: string, dtype: Dtype): string {
  const row = rows.find((one) => one.operation === operation && (one.dtype ?? dtype) === dtype);
  if (row === undefined) return "not run";
  return worstOf(row);
}
