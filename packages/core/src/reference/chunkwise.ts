/**
 * Chunk by chunk: dense inside a chunk, the state Z between chunks. It is the recurrence of recurrent.ts with
 * blocks for rows, and what every fast kernel does.
 */
import { decayState, readRows, stateThrough, writeRows } from "./decay.js";
import * as dense from "./dense.js";
import { addProduct, matmul, scaled, transpose } from "./matrix.js";
import { startingState, rowsOf } from "./operator.js";
import { transposed } from "./transposed.js";
import type { ReferenceOperator, ReferenceOptions, ReferenceResult } from "./types.js";

const DEFAULT_CHUNK = 64;

/** Y_c = T_cc X_c + Q_c Z, then Z += K_cᵀ X_c: equation (5). */
export function apply(
  op: ReferenceOperator,
  x: Float64Array,
  p: number,
  { trans = false, alpha = 1, initialState, chunk, lastGap }: ReferenceOptions = {},
): ReferenceResult {
  if (trans) return transposed(apply, op, x, p, { alpha, initialState, chunk });
  let z = startingState(initialState, op.r, p);
  const y = new Float64Array(op.n * p);
  for (const { start, end, part } of chunks(op, chunk)) {
    const xc = x.subarray(start * p, end * p);
    const qz = matmul(readRows(part, part.q, false), z, [part.n, part.r, p]);
    const yc = dense.apply(part, xc, p).y.map((tx, at) => tx + qz[at]!);
    z = stateThrough(part, z, p);
    addProduct(z, 1, transpose(writeRows(part, part.k, false), part.n, part.r), xc, [part.r, part.n, p]);
    y.set(scaled(alpha, yc), start * p);
  }
  if (lastGap) decayState(z, { ...op, n: 1, decay: lastGap }, 0, p);
  return { y, finalState: z };
}

/** Y_c = T_cc⁻¹ (B_c − Q_c Z), then Z += K_cᵀ Y_c: equation (6). */
export function solve(
  op: ReferenceOperator,
  b: Float64Array,
  p: number,
  { trans = false, alpha = 1, initialState, chunk, lastGap }: ReferenceOptions = {},
): ReferenceResult {
  if (trans) return transposed(solve, op, b, p, { alpha, initialState, chunk });
  let z = startingState(initialState, op.r, p);
  const y = new Float64Array(op.n * p);
  for (const { start, end, part } of chunks(op, chunk)) {
    const qz = matmul(readRows(part, part.q, false), z, [part.n, part.r, p]);
    const rhs = b.subarray(start * p, end * p).map((value, at) => value - qz[at]!);
    const yc = dense.solve(part, rhs, p).y;
    z = stateThrough(part, z, p);
    addProduct(z, 1, transpose(writeRows(part, part.k, false), part.n, part.r), yc, [part.r, part.n, p]);
    y.set(scaled(alpha, yc), start * p);
  }
  if (lastGap) decayState(z, { ...op, n: 1, decay: lastGap }, 0, p);
  return { y, finalState: z };
}

/**
 * Y_cc = T_cc⁻¹, Y_c,:l = −T_cc⁻¹ Q_c Z_:,:l, then Z_:,:l+c += K_cᵀ Y_c,:l+c: equation (7), l being `start`.
 * O(n² r).
 */
export function inverse(
  op: ReferenceOperator,
  { chunk }: Pick<ReferenceOptions, "chunk"> = {},
): Float64Array {
  const { n, r, k } = op;
  const z = new Float64Array(r * n);
  const y = new Float64Array(n * n);
  for (const { start, end, part } of chunks(op, chunk)) {
    const ycc = dense.inverse(part);
    const qz = matmul(readRows(part, part.q, false), firstColumns(z, r, n, start), [part.n, r, start]);
    const left = dense.solve(part, scaled(-1, qz), start).y;
    for (let i = start; i < end; i++) {
      const row = i - start;
      y.set(left.subarray(row * start, (row + 1) * start), i * n);
      y.set(ycc.subarray(row * part.n, (row + 1) * part.n), i * n + start);
      decayState(z, op, i, n);
      for (let m = 0; m < r; m++) {
        for (let j = 0; j <= i; j++) z[m * n + j]! += k[i * r + m]! * y[i * n + j]!;
      }
    }
  }
  return y;
}

interface Chunk {
  readonly start: number;
  readonly end: number;
  /** T_cc, by its own diagonal and factors */
  readonly part: ReferenceOperator;
}

/** Rows [0, c), [c, 2c), …; the last chunk may be shorter. */
function* chunks(op: ReferenceOperator, c: number = DEFAULT_CHUNK): Generator<Chunk> {
  for (let start = 0; start < op.n; start += c) {
    const end = Math.min(start + c, op.n);
    yield { start, end, part: rowsOf(op, start, end) };
  }
}

/** Z_:,:cols of an r×n matrix, copied. */
function firstColumns(z: Float64Array, r: number, n: number, cols: number): Float64Array {
  const copy = new Float64Array(r * cols);
  for (let m = 0; m < r; m++) copy.set(z.subarray(m * n, m * n + cols), m * cols);
  return copy;
}
