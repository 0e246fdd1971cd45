/**
 * Decay between rows: row i of T owns g_i, the logarithm of the factor by which the state shrinks between row i − 1 and
 * row i. One number a row, or one a row and channel.
 */
import type { ReferenceOperator } from "./types.js";

/** g of row i and channel m; 0 without decay. */
export function gap({ decay, n }: ReferenceOperator, i: number, m: number): number {
  if (decay === undefined || n === 0) return 0;
  const channels = decay.length / n;
  return channels === 1 ? decay[i]! : decay[i * channels + m]!;
}

/**
 * e^g x. Beside 1 the factor of a slow decay would be rounded, and after 65,536 rows be off by thousands of roundoffs:
 * so what x loses is subtracted from it. A fast one is multiplied by, as there the difference would cancel.
 */
export function decayed(x: number, g: number): number {
  if (g === 0) return x;
  return g > -0.5 ? x + Math.expm1(g) * x : Math.exp(g) * x;
}

/** Z ← diag(e^{g_i}) Z, for Z r×p; with `on` "columns", Z ← Z diag(e^{g_i}). */
export function decayState(
  z: Float64Array,
  op: ReferenceOperator,
  i: number,
  p: number,
  on: "rank" | "columns" = "rank",
): void {
  if (op.decay === undefined) return;
  for (let m = 0; m < op.r; m++) {
    for (let j = 0; j < p; j++) {
      const at = m * p + j;
      z[at] = decayed(z[at]!, gap(op, i, on === "rank" ? m : j));
    }
  }
}

/** A with row i multiplied by what the decay of the gaps [from(i), to(i)) leaves, for A n×r. */
function scaledRows(
  op: ReferenceOperator,
  a: Float64Array,
  gaps: (i: number) => readonly [from: number, to: number],
): Float64Array {
  if (op.decay === undefined) return a;
  const { r } = op;
  return a.map((x, at) => {
    const i = Math.floor(at / r);
    return x * Math.exp(gapsOver(op, ...gaps(i), at % r));
  });
}

/** g_{from} + … + g_{to−1} of channel m. */
export function gapsOver(op: ReferenceOperator, from: number, to: number, m: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += gap(op, i, m);
  return sum;
}

/** F with row i multiplied by what Z₀ has decayed by when that row reads it. O(n² r). */
export function readRows(op: ReferenceOperator, f: Float64Array, trans: boolean): Float64Array {
  return scaledRows(op, f, (i) => (trans ? [i + 1, op.n] : [0, i + 1]));
}

/** G with row i multiplied by what its contribution has decayed by in the final state. O(n² r). */
export function writeRows(op: ReferenceOperator, g: Float64Array, trans: boolean): Float64Array {
  return scaledRows(op, g, (i) => (trans ? [0, i + 1] : [i + 1, op.n]));
}

/** A state after all n rows where nothing was added to it, r×p. */
export function stateThrough(op: ReferenceOperator, z: Float64Array, p: number): Float64Array {
  if (op.decay === undefined) return z;
  return z.map((x, at) => x * Math.exp(gapsOver(op, 0, op.n, Math.floor(at / p))));
}
