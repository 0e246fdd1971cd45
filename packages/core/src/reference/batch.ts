import type { FloatArray } from "../contract/tensor.js";
import type { ReferenceMethod, ReferenceOperator, ReferenceOptions, ReferenceResult } from "./types.js";

/** Operators of a whole batch as contiguous arrays: λ [batch, n, 1], Q and K [batch, n, r], the decay [batch, n, 1] or [batch, n, r]; f32 or f64. */
export interface ReferenceBatch {
  readonly batch: number;
  readonly n: number;
  readonly r: number;
  readonly diag?: FloatArray | undefined;
  readonly q: FloatArray;
  readonly k: FloatArray;
  readonly decay?: FloatArray | undefined;
}

/** Entry `index` of a [batch, …] array, in float64. */
export function matrixOf(data: FloatArray, batch: number, index: number): Float64Array {
  const size = data.length / batch;
  return new Float64Array(data.subarray(index * size, (index + 1) * size));
}

/** The operator of batch entry `index`, in float64. */
export function operatorOf(op: ReferenceBatch, index: number): ReferenceOperator {
  const { batch, n, r, diag, q, k, decay } = op;
  return {
    n,
    r,
    diag: diag && matrixOf(diag, batch, index),
    q: matrixOf(q, batch, index),
    k: matrixOf(k, batch, index),
    ...(decay && { decay: matrixOf(decay, batch, index) }),
  };
}

/** `method` for every entry: b [batch, n, p] and initial state [batch, r, p] in, the same shapes out. */
export function overBatch(
  method: ReferenceMethod,
  op: ReferenceBatch,
  b: FloatArray,
  p: number,
  options: Omit<ReferenceOptions, "initialState"> & { readonly initialState?: FloatArray | undefined } = {},
): ReferenceResult {
  const { batch, n, r } = op;
  const y = new Float64Array(batch * n * p);
  const finalState = new Float64Array(batch * r * p);
  for (let index = 0; index < batch; index++) {
    const result = method(operatorOf(op, index), matrixOf(b, batch, index), p, {
      ...options,
      initialState: options.initialState && matrixOf(options.initialState, batch, index),
    });
    y.set(result.y, index * n * p);
    finalState.set(result.finalState, index * r * p);
  }
  return { y, finalState };
}
