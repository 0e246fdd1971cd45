import { unitRoundoff, type FloatArray } from "@dlrt/core";
import { Gaps, type DecayOn } from "./gaps.js";
import { decayColumns, type Problem } from "../workload/problem.js";

/** A factor between rows that is smaller counts as this one, because f32 flushes what is smaller still to 0. */
const LEAST_FACTOR = 2 ** -64;

/**
 * A state, and what its errors are measured beside, (21) of the reference with decay: Σ E|k||x| for the products, Σ E|G||k||x|
 * for what an error of g moves, and Σ |k||x| for what is too small to be told from 0.
 */
export class BoundedState {
  readonly #z: Float64Array;
  readonly #decayed: Float64Array;
  readonly #moved: Float64Array;
  readonly #plain: Float64Array;

  constructor(
    readonly r: number,
    readonly p: number,
  ) {
    [this.#z, this.#decayed, this.#moved, this.#plain] = Array.from(
      { length: 4 },
      () => new Float64Array(r * p),
    ) as [Float64Array, Float64Array, Float64Array, Float64Array];
  }

  clear(): void {
    for (const part of [this.#z, this.#decayed, this.#moved, this.#plain]) part.fill(0);
  }

  /**
   * Z ← diag(e^g) Z or Z diag(e^g), then to ← fᵀ Z; `bound` receives |f|ᵀ of the sums that errors are measured beside.
   */
  decayAndRead(gaps: Gaps, f: ArrayLike<number>, row: number, to: Float64Array, bound: Float64Array): void {
    const { r, p } = this;
    const [z, decayed, moved, plain] = [this.#z, this.#decayed, this.#moved, this.#plain];
    const { keep, lose, size, ofRow, ofColumn } = gaps;
    to.fill(0);
    bound.fill(0);
    for (let a = 0; a < r; a++) {
      const x = f[row * r + a]!;
      const abs = Math.abs(x);
      for (let j = 0; j < p; j++) {
        const at = a * p + j;
        const gap = a * ofRow + j * ofColumn;
        const [stays, goes] = [keep[gap]!, lose[gap]!];
        const value = stays * z[at]! + goes * z[at]!;
        const shifted = moved[at]! + size[gap]! * decayed[at]!;
        const move = stays * shifted + goes * shifted;
        const rest = stays * decayed[at]! + goes * decayed[at]!;
        z[at] = value;
        moved[at] = move;
        decayed[at] = rest;
        to[j] = to[j]! + x * value;
        bound[j] = bound[j]! + abs * (rest + move + LEAST_FACTOR * plain[at]!);
      }
    }
  }

  /** Z ← Z + k xᵀ */
  add(k: ArrayLike<number>, row: number, x: ArrayLike<number>, from: number): void {
    const { r, p } = this;
    const [z, decayed, plain] = [this.#z, this.#decayed, this.#plain];
    for (let a = 0; a < r; a++) {
      const factor = k[row * r + a]!;
      for (let j = 0; j < p; j++) {
        const term = factor * x[from + j]!;
        const at = a * p + j;
        z[at] = z[at]! + term;
        decayed[at] = decayed[at]! + Math.abs(term);
        plain[at] = plain[at]! + Math.abs(term);
      }
    }
  }
}

/** Does what `residual` does for a problem with decay, row by row. */
export function decayedResidual(
  problem: Problem,
  x: FloatArray,
  rhs: FloatArray,
  weight: 0 | 1,
  on: DecayOn = "rank",
): number {
  const { batch, n, r, p, diag, q, k } = problem;
  const gaps = new Gaps(problem, on);
  const state = new BoundedState(r, p);
  const [sum, bound] = [new Float64Array(p), new Float64Array(p)];
  let worst = 0;
  for (let row = 0; row < batch * n; row++) {
    if (row % n === 0) state.clear();
    gaps.at(row);
    state.decayAndRead(gaps, q, row, sum, bound);
    for (let j = 0; j < p; j++) {
      const own = diag[row]! * x[row * p + j]!;
      const right = rhs[row * p + j]!;
      const error = Math.abs(right - own - sum[j]!);
      const scale = Math.abs(own) + bound[j]! + weight * Math.abs(right);
      if (!(error <= worst * scale)) worst = error / scale;
      if (!Number.isFinite(worst)) return Infinity;
    }
    state.add(k, row, x, row * p);
  }
  return worst / unitRoundoff[problem.dtype];
}

/** A running sum that also adds up what its roundings lose (Neumaier's summation). */
class Sum {
  #value = 0;
  #lost = 0;

  get value(): number {
    return this.#value + this.#lost;
  }

  add(x: number): void {
    const sum = this.#value + x;
    this.#lost += Math.abs(this.#value) >= Math.abs(x) ? this.#value - sum + x : x - sum + this.#value;
    this.#value = sum;
  }
}

/**
 * max |ḡ_t + Σ_{i<t} (q_i∘q̄_i − k_i∘k̄_i)| / Σ_{i<t} (|q_i∘q̄_i| + |k_i∘k̄_i|), (27) of the reference, in units of ε, given the
 * Q̄ and K̄ that came back; the channels added up where g is one number a row.
 */
export function decayGradientError(
  problem: Problem,
  [qBar, kBar]: readonly [FloatArray, FloatArray],
  got: FloatArray,
): number {
  const { batch, n, r, q, k, decay, dtype } = problem;
  const columns = decayColumns(problem);
  let worst = 0;
  for (let entry = 0; entry < batch; entry++) {
    const sums = Array.from({ length: columns }, () => new Sum());
    const sizes = new Float64Array(columns);
    for (let row = entry * n; row < (entry + 1) * n; row++) {
      for (let c = 0; c < columns; c++) {
        const at = row * columns + c;
        const error = Math.abs(got[at]! + (decay![at] === -Infinity ? 0 : sums[c]!.value));
        if (!(error <= worst * sizes[c]!)) worst = error / sizes[c]!;
        if (!Number.isFinite(worst)) return Infinity;
      }
      for (let a = 0; a < r; a++) {
        const at = row * r + a;
        const [read, written] = [q[at]! * qBar[at]!, k[at]! * kBar[at]!];
        const c = columns === 1 ? 0 : a;
        sums[c]!.add(read);
        sums[c]!.add(-written);
        sizes[c] = sizes[c]! + Math.abs(read) + Math.abs(written);
      }
    }
  }
  return worst / unitRoundoff[dtype];
}
