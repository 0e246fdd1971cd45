import type { Backend, Tensor } from "@dlrt/core";
import type { Verdict } from "../accuracy/residual.js";
import type { Problem } from "../workload/problem.js";

/** The outputs of one call, on the host. */
export type Outputs = readonly (Float32Array | Float64Array)[];

/** An operation set up on one contender, ready to be called again and again. */
export interface Run {
  /** Does the work once; it is done when this returns, or when its promise resolves. */
  call(): void | Promise<void>;
  /** Returns the ms of each of so many calls by the run's own clock, where the work is done in another process. */
  times?(calls: number): Promise<readonly number[]>;
  read(): Promise<Outputs>;
  /** Frees what `open` took. */
  close(): void;
}

export interface Operation {
  readonly name: OperationName;
  /** Useful flops, independent of the chunk (4nrp for a solve, n²r for an inverse, per batch entry). */
  flops(problem: Problem): number;
  /** Least flops with chunks of c rows, where the chunk adds to the useful ones: 4rp(n − c) + n(c − 1)(r + p) + np. */
  chunkFlops?(problem: Problem, chunk: number): number;
  /** Uploads, and allocates outputs full of NaN, so that an element never written is found. */
  open<T extends Tensor>(backend: Backend<T>, problem: Problem, chunk: number | undefined): Run;
  judge(problem: Problem, outputs: Outputs): Verdict;
}

export const OPERATION_NAMES = ["solve", "apply", "inverse", "trilInverse", "solveVjp"] as const;
export type OperationName = (typeof OPERATION_NAMES)[number];
