/** T as a dense matrix: the definition (1) taken at its word. Everything else must agree with this file. */
import { gap, readRows, stateThrough, writeRows } from "./decay.js";
import { addProduct, matmul, scaled, transpose, trilMatmul } from "./matrix.js";
import { startingState, lambda, roles } from "./operator.js";
import type { ReferenceOperator, ReferenceOptions, ReferenceResult } from "./types.js";

/** T, n×n: equation (1). */
export function materialize(op: ReferenceOperator): Float64Array {
  const { n, r, q, k } = op;
  const t = new Float64Array(n * n);
  const sums = new Float64Array(r); // g_{j+1} + … + g_i
  for (let i = 0; i < n; i++) {
    sums.fill(0);
    for (let j = i - 1; j >= 0; j--) {
      for (let m = 0; m < r; m++) {
        let product = q[i * r + m]! * k[j * r + m]!;
        if (op.decay) product *= Math.exp((sums[m]! += gap(op, j + 1, m)));
        t[i * n + j]! += product;
      }
    }
    t[i * n + i] = lambda(op, i);
  }
  return t;
}

/** y = α (op(T) x + F Z₀), state = Z₀ + Gᵀ x: equation (9). O(n² (r + p)). */
export function apply(
  op: ReferenceOperator,
  x: Float64Array,
  p: number,
  { trans = false, alpha = 1, initialState }: ReferenceOptions = {},
): ReferenceResult {
  const { n, r } = op;
  const { f, g } = roles(op, trans);
  const z0 = startingState(initialState, r, p);
  const t = trans ? transpose(materialize(op), n, n) : materialize(op);
  const y = matmul(readRows(op, f, trans), z0, [n, r, p]);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < p; j++) {
      let sum = y[i * p + j]!;
      // The other triangle is not multiplied: 0 · NaN would carry a NaN to rows before its own.
      for (let m = trans ? i + 1 : 0; m < (trans ? n : i); m++) sum += t[i * n + m]! * x[m * p + j]!;
      y[i * p + j] = alpha * (t[i * n + i]! * x[i * p + j]! + sum);
    }
  }
  const z = stateThrough(op, z0, p);
  addProduct(z, 1, transpose(writeRows(op, g, trans), n, r), x, [r, n, p]);
  return { y, finalState: z };
}

/** Y = op(T)⁻¹ (B − F Z₀) by substitution, y = α Y, state = Z₀ + Gᵀ Y: equation (9). O(n² (r + p)). */
export function solve(
  op: ReferenceOperator,
  b: Float64Array,
  p: number,
  { trans = false, alpha = 1, initialState }: ReferenceOptions = {},
): ReferenceResult {
  const { n, r } = op;
  const { f, g } = roles(op, trans);
  const z0 = startingState(initialState, r, p);
  const t = trans ? transpose(materialize(op), n, n) : materialize(op);
  const y = matmul(readRows(op, f, trans), z0, [n, r, p]);
  for (let step = 0; step < n; step++) {
    const i = trans ? n - 1 - step : step;
    for (let j = 0; j < p; j++) {
      let sum = y[i * p + j]!;
      for (let m = trans ? i + 1 : 0; m < (trans ? n : i); m++) sum += t[i * n + m]! * y[m * p + j]!;
      y[i * p + j] = (b[i * p + j]! - sum) / t[i * n + i]!;
    }
  }
  const z = stateThrough(op, z0, p);
  addProduct(z, 1, transpose(writeRows(op, g, trans), n, r), y, [r, n, p]);
  return { y: scaled(alpha, y), finalState: z };
}

/** T⁻¹, n×n, from the dense T: O(n³). */
export function inverse(op: ReferenceOperator): Float64Array {
  return trilInverse(materialize(op), op.n);
}

/** A⁻¹ for any lower triangular A, c×c, whose strict upper triangle is not read: equation (11). O(c³). */
export function trilInverse(a: Float64Array, c: number): Float64Array {
  const x = new Float64Array(c * c);
  for (let i = 0; i < c; i++) {
    for (let j = 0; j < i; j++) {
      let sum = 0;
      for (let m = j; m < i; m++) sum += a[i * c + m]! * x[m * c + j]!;
      x[i * c + j] = -sum / a[i * c + i]!;
    }
    x[i * c + i] = 1 / a[i * c + i]!;
  }
  return x;
}

/** The same from the 2×2 block identity X₂₁ = −X₂₂ A₂₁ X₁₁, halving until a block is one number: equation (12). */
export function blockInverse(a: Float64Array, c: number): Float64Array {
  if (c < 2) return a.map((x) => 1 / x);
  const top = c >> 1;
  const bottom = c - top;
  const x11 = blockInverse(block(a, c, [0, top], [0, top]), top);
  const x22 = blockInverse(block(a, c, [top, c], [top, c]), bottom);
  const a21x11 = matmul(block(a, c, [top, c], [0, top]), x11, [bottom, top, top]);
  const x21 = scaled(-1, trilMatmul(x22, a21x11, bottom, top));
  const x = new Float64Array(c * c);
  for (let i = 0; i < top; i++) x.set(x11.subarray(i * top, (i + 1) * top), i * c);
  for (let i = 0; i < bottom; i++) {
    x.set(x21.subarray(i * top, (i + 1) * top), (top + i) * c);
    x.set(x22.subarray(i * bottom, (i + 1) * bottom), (top + i) * c + top);
  }
  return x;
}

/** log |det T| = Σ log |λ_i|: equation (14). */
export function logAbsDet(op: ReferenceOperator): number {
  let sum = 0;
  for (let i = 0; i < op.n; i++) sum += Math.log(Math.abs(lambda(op, i)));
  return sum;
}

/** A[rows, cols] of a c×c matrix, copied. */
function block(
  a: Float64Array,
  c: number,
  [firstRow, endRow]: readonly [number, number],
  [firstCol, endCol]: readonly [number, number],
): Float64Array {
  const width = endCol - firstCol;
  const copy = new Float64Array((endRow - firstRow) * width);
  for (let i = firstRow; i < endRow; i++) {
    copy.set(a.subarray(i * c + firstCol, i * c + endCol), (i - firstRow) * width);
  }
  return copy;
}
