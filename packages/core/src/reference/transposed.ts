import type { ReferenceMethod, ReferenceOperator, ReferenceOptions, ReferenceResult } from "./types.js";

/**
 * `method` with Tᵀ, by equation (8): Tᵀ read from its last row to its first is again a T. Row i of it owns the gap that
 * row n − i owned, its first row none; what row 0 owned comes after its last row.
 */
export function transposed(
  method: ReferenceMethod,
  op: ReferenceOperator,
  b: Float64Array,
  p: number,
  options: ReferenceOptions,
): ReferenceResult {
  const { n, r, diag, q, k, decay } = op;
  const flipped = {
    n,
    r,
    diag: diag && reverseRows(diag, n, 1),
    q: reverseRows(k, n, r),
    k: reverseRows(q, n, r),
    ...(decay && n > 0 && gapsReversed(decay, n)),
  };
  const lastGap = decay && n > 0 ? decay.subarray(0, decay.length / n) : undefined;
  const { y, finalState } = method(flipped, reverseRows(b, n, p), p, { ...options, trans: false, lastGap });
  return { y: reverseRows(y, n, p), finalState };
}

function gapsReversed(decay: Float64Array, n: number): { decay: Float64Array } {
  const channels = decay.length / n;
  const gaps = new Float64Array(decay.length);
  gaps.set(reverseRows(decay, n, channels).subarray(0, decay.length - channels), channels);
  return { decay: gaps };
}

/** J A, for A rows×cols: row i becomes row n − 1 − i. */
export function reverseRows(a: Float64Array, rows: number, cols: number): Float64Array {
  const flipped = new Float64Array(rows * cols);
  for (let i = 0; i < rows; i++) {
    const to = (rows - 1 - i) * cols;
    // Element by element: most rows are so short that an array over each would cost more than the copy.
    for (let j = 0; j < cols; j++) flipped[to + j] = a[i * cols + j]!;
  }
  return flipped;
}
