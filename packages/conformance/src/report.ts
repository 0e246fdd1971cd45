/** What a run shows. `recorder.ts` gathers it, `report-text.ts` and `report-markdown.ts` print it. */
import type { Dtype } from "@dlrt/core";

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

/** "suite › name": how a case is called everywhere. */
export function titleOf({ suite, name }: Pick<Subject, "suite" | "name">): string {
  return `${suite} › ${name}`;
}
