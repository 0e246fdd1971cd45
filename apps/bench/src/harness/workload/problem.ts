import { newFloatArray, type DecayKind, type Dtype, type FloatArray, type Sizes } from "@dlrt/core";

/** One operator and right-hand side on the host, row-major. */
export interface Problem extends Sizes {
  readonly dtype: Dtype;
  /** λ [batch, n, 1] */
  readonly diag: FloatArray;
  /** [batch, n, r] */
  readonly q: FloatArray;
  /** [batch, n, r] */
  readonly k: FloatArray;
  /** [batch, n, p] */
  readonly b: FloatArray;
  /** g ≤ 0, [batch, n, 1] or [batch, n, r]. Absent: no decay. */
  readonly decay?: FloatArray | undefined;
  /** What it is made from, for the report. */
  readonly about: string;
}

/** What a workload is asked for; each may narrow it (the text has keys of p = r columns, say). */
export interface Request extends Sizes {
  readonly dtype: Dtype;
  readonly seed: number;
  /** Default "none". */
  readonly decay?: DecayKind | undefined;
}

/** The kinds of decay that a workload can be asked for. */
export const DECAY_NAMES: readonly DecayKind[] = ["none", "row", "channel"];

export type Workload = (request: Request) => Problem;

/** Columns of g: 1, or one for every channel. */
export function decayColumns({ batch, n, decay }: Pick<Problem, "batch" | "n" | "decay">): number {
  return decay === undefined || batch * n === 0 ? 0 : decay.length / (batch * n);
}

/** How the problem's operator decays. */
export function decayOf(problem: Pick<Problem, "batch" | "n" | "decay">): DecayKind {
  const columns = decayColumns(problem);
  return columns === 0 ? "none" : columns === 1 ? "row" : "channel";
}

/** Zeros, but for λ = 1; no decay. */
export function allocate({ batch, n, r, p, dtype }: Request): Omit<Problem, "about" | "decay"> {
  return {
    ...{ batch, n, r, p, dtype },
    diag: newFloatArray(dtype, batch * n).fill(1),
    q: newFloatArray(dtype, batch * n * r),
    k: newFloatArray(dtype, batch * n * r),
    b: newFloatArray(dtype, batch * n * p),
  };
}
