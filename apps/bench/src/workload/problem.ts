import { newFloatArray, type Dtype, type FloatArray, type Sizes } from "@dlrt/core";

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
  /** What it is made from, for the report. */
  readonly about: string;
}

/** What a workload is asked for; each may narrow it (the text has keys of p = r columns, say). */
export interface Request extends Sizes {
  readonly dtype: Dtype;
  readonly seed: number;
}

export type Workload = (request: Request) => Problem;

export interface EmptyProblem extends Sizes {
  readonly dtype: Dtype;
  readonly diag: FloatArray;
  readonly q: FloatArray;
  readonly k: FloatArray;
  readonly b: FloatArray;
}

/** Zeros, but for λ = 1. */
export function allocate({ batch, n, r, p, dtype }: Request): EmptyProblem {
  return {
    batch,
    n,
    r,
    p,
    dtype,
    diag: newFloatArray(dtype, batch * n).fill(1),
    q: newFloatArray(dtype, batch * n * r),
    k: newFloatArray(dtype, batch * n * r),
    b: newFloatArray(dtype, batch * n * p),
  };
}
