import type { DecayKind, Dtype } from "@dlrt/core";
import type { CaseReport, LayerWork, Missing, OperationName, Peaks, WorkloadName } from "@dlrt/bench/harness";

/** Something this browser can measure. */
export interface Choice {
  readonly name: string;
  readonly kind: "backend" | "peer" | "planted";
  readonly build: string;
  readonly note?: string;
  /** Runs on a CPU in place of a GPU: right, but no measure of speed. */
  readonly software: boolean;
}

/** What this browser has, and what it lacks and why. */
export interface Found {
  readonly choices: readonly Choice[];
  readonly missing: readonly Missing[];
}

export interface RunRequest {
  readonly names: readonly string[];
  /** An operation with T, or a layer, of which workload, element type, decay and chunk say nothing. */
  readonly operation: OperationName | LayerWork;
  readonly workload: WorkloadName;
  readonly dtype: Dtype;
  readonly decay: DecayKind;
  /** Rows of T or tokens, one case each. */
  readonly sizes: readonly number[];
  /** Columns of Q, K and the right-hand side. */
  readonly d: number;
  readonly heads: number;
  /** Rows per chunk. Absent: each backend's choice. */
  readonly chunk?: number;
  readonly repetitions: number;
  /** The time for the samples of one case. */
  readonly seconds: number;
}

/** What the page tells the worker. `threads` is how many the backend with threads is given. */
export type BenchCommand =
  | { readonly type: "look"; readonly threads: number }
  | { readonly type: "run"; readonly threads: number; readonly request: RunRequest };

export type BenchEvent =
  | { readonly type: "found"; readonly found: Found }
  | { readonly type: "progress"; readonly what: string; readonly done: number }
  | { readonly type: "case"; readonly report: CaseReport; readonly peaks: Peaks }
  | { readonly type: "done" }
  | { readonly type: "failed"; readonly message: string };

export interface PictureRequest {
  readonly workload: WorkloadName;
  readonly chunk: number;
}

/** Float64, row-major. */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array;
}

export interface Picture {
  readonly chunk: number;
  readonly t: Matrix;
  readonly inverse: Matrix;
  /** [n, r] */
  readonly q: Matrix;
  /** [r, n] */
  readonly kT: Matrix;
  /** [n, p] */
  readonly b: Matrix;
  /** [n, p], solved chunk by chunk. */
  readonly y: Matrix;
  /** Z before the first chunk and after each, [r, p]. */
  readonly states: readonly Matrix[];
  /** max |T Y − B| */
  readonly residual: number;
}

export type PictureEvent =
  | { readonly type: "picture"; readonly picture: Picture }
  | { readonly type: "failed"; readonly message: string };
