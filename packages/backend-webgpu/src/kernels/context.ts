import type { Call, Operand, Plan } from "./plan.js";
import type { Budget } from "./segments.js";

/** What kernels record their commands with. */
export interface Commands {
  readonly scratch: { take(bytes: number): GPUBuffer; mark(): number; releaseTo(mark: number): void };
  dispatch<P extends string, B extends string, C extends string>(
    plan: Plan<P, B, C>,
    call: Call<P, B, C>,
  ): void;
  copy(from: GPUBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, bytes: number): void;
  clear(buffer: GPUBuffer, offset: number, bytes: number): void;
}

/** Everything that the kernels work with. */
export interface Context {
  readonly stream: { readonly recorder: Commands; spent(flops: number): void };
  readonly budget: Budget;
  /** Whether the device is software that runs on the CPU. */
  readonly software: boolean;
  /** How many workgroups the device is taken to run at a time. */
  readonly width: number;
  /** The number of rows in a chunk where the call does not say. */
  readonly chunk: number;
  /**
   * How a solve scans its chunks: one after the other, in parallel, or whichever the cost model expects to be faster.
   */
  readonly scan: "auto" | "sequential" | "parallel";
  /** The number of groups of chunks in a parallel scan. Where it is absent, the cost model decides. */
  readonly groups?: number | undefined;
  /** What is bound in the place of a tensor that has no elements. */
  readonly nothing: { readonly read: Operand; readonly write: Operand };
}
