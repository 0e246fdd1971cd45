/**
 * ḡ beside its definition, core's reference README, equation (27): one running sum over rows,
 *
 *     ḡ_t = s − Σ_{i<t} (q_i ∘ q̄_i − k_i ∘ k̄_i),   for Tᵀ   ḡ_t = s + Σ_{i≥t} (q_i ∘ q̄_i − k_i ∘ k̄_i),   s = Σ_j (Z₀ ∘ Z̄₀)_:,j
 *
 * here with exact products and sums of twice the digits, for the gradients that a backend gave for Q, K and Z₀.
 */
import type { Dtype, FloatArray } from "@dlrt/core";
import { inRoundoffs, worse, type Omega } from "./backward-error.js";
import { perChannel, type Problem } from "./problems.js";

/** Dekker's split: returns high and low with x = high + low, each of at most 26 bits. */
function split(x: number): [number, number] {
  const scaled = 134217729 * x;
  const high = scaled - (scaled - x);
  return [high, x - high];
}

/** Adds up Σ ±x y exactly, and Σ |x y| beside it. */
class ProductSum {
  #high = 0;
  #low = 0;
  size = 0;

  add(sign: number, x: number, y: number): void {
    const product = x * y;
    const [[xHigh, xLow], [yHigh, yLow]] = [split(x), split(y)];
    const rest = xLow * yLow - (product - xHigh * yHigh - xLow * yHigh - xHigh * yLow);
    const sum = this.#high + sign * product;
    const part = sum - this.#high;
    this.#low += this.#high - (sum - part) + (sign * product - part) + sign * rest;
    this.#high = sum;
    this.size += Math.abs(product);
  }

  /** Returns how far `value` is from the sum. */
  error(value: number): number {
    return Math.abs(value - this.#high - this.#low);
  }
}

/** What a product below the normal numbers may lose, divided by ε. Behind strong decay Z̄₀ itself is that small. */
const UNDERFLOW: Readonly<Record<Dtype, number>> = { f32: 2 ** (24 - 126), f64: 2 ** (53 - 1022) };

/**
 * What ḡ was computed from: the gradients of Q and K and, where there are states, Z₀ and Z̄₀ or only their sums by row.
 */
export interface DecayTerms {
  /** batch·n·r each */
  readonly q: FloatArray;
  readonly k: FloatArray;
  /** Z̄₀, batch·r·p */
  readonly state?: FloatArray | undefined;
}

/**
 * Returns the largest error of `gradient`, shaped as the problem's decay, beside Σ_j |Z₀ Z̄₀| + Σ (|q q̄| + |k k̄|), in
 * ε. It is ∞ unless the gradient is 0 where g = −∞.
 */
export function omegaOfDecayGradient(
  problem: Problem,
  trans: boolean,
  terms: DecayTerms,
  gradient: FloatArray,
): Omega {
  const { batch, n, r, p } = problem.sizes;
  const channels = perChannel(problem) ? r : 1;
  let worst = 0;
  const judge = (sums: readonly ProductSum[], row: number): void => {
    sums.forEach((sum, m) => {
      const at = row * channels + m;
      const value = gradient[at]!;
      const error = problem.decay![at] === -Infinity ? (value === 0 ? 0 : Infinity) : sum.error(value);
      worst = worse(worst, error === 0 ? 0 : error / (sum.size + UNDERFLOW[problem.dtype]));
    });
  };
  for (let e = 0; e < batch; e++) {
    const sums = Array.from({ length: channels }, () => new ProductSum());
    for (let at = 0; at < r * p && terms.state !== undefined; at++) {
      const of = e * r * p + at;
      sums[Math.floor(at / p) % channels]!.add(1, problem.state[of]!, terms.state[of]!);
    }
    for (let step = 0; step < n; step++) {
      const row = e * n + (trans ? n - 1 - step : step);
      if (!trans) judge(sums, row);
      for (let m = 0; m < r; m++) {
        const [at, sign] = [row * r + m, trans ? 1 : -1];
        sums[m % channels]!.add(sign, problem.q[at]!, terms.q[at]!);
        sums[m % channels]!.add(-sign, problem.k[at]!, terms.k[at]!);
      }
      if (trans) judge(sums, row);
    }
  }
  return inRoundoffs(worst, problem.dtype);
}
