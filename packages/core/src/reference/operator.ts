import type { ReferenceOperator } from "./types.js";

/** λ_i; 0 where Λ is absent. */
export function lambda(op: ReferenceOperator, i: number): number {
  return op.diag === undefined ? 0 : op.diag[i]!;
}

/** (F, G) = (Q, K), exchanged for Tᵀ: equations (8) and (9). */
export function roles(op: ReferenceOperator, trans: boolean): { f: Float64Array; g: Float64Array } {
  return trans ? { f: op.k, g: op.q } : { f: op.q, g: op.k };
}

/** Z₀: a copy of `state`, or zeros. */
export function startingState(state: Float64Array | undefined, r: number, p: number): Float64Array {
  return state === undefined ? new Float64Array(r * p) : state.slice();
}

/** Rows and columns [start, end) of T, which are again of the form (1). Views, not copies. */
export function rowsOf(op: ReferenceOperator, start: number, end: number): ReferenceOperator {
  const { n, r, diag, q, k, decay } = op;
  const channels = n === 0 || decay === undefined ? 0 : decay.length / n;
  return {
    n: end - start,
    r,
    diag: diag?.subarray(start, end),
    q: q.subarray(start * r, end * r),
    k: k.subarray(start * r, end * r),
    decay: decay?.subarray(start * channels, end * channels),
  };
}
