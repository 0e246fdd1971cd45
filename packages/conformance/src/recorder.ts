import type { Backend, Dtype } from "@dlrt/core";
import type { Omega } from "./backward-error.js";
import {
  titleOf,
  type FamilyRow,
  type Report,
  type ReportFailure,
  type ReportRow,
  type ReportSkip,
  type Subject,
} from "./report.js";
import { messageOf, textOf } from "./text.js";

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

/** Returns what a backend says it is, as plain JSON even where it says nonsense: the supports suite judges that. */
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
