/**
 * What (21) to (24) measure errors beside: sums of absolute values. With decay every entry of g may be off too, by ω
 * relatively, which moves e^{g_{j+1} + … + g_i} by ω |g_{j+1} + … + g_i| of itself; and a factor below 2⁻⁶⁴ counts as
 * 2⁻⁶⁴, since float32 flushes what is smaller still.
 */
import { decayState, gap } from "./decay.js";
import { lambda } from "./operator.js";
import { transposed } from "./transposed.js";
import type { ReferenceMethod, ReferenceOperator, ReferenceOptions, ReferenceResult } from "./types.js";

/** The factor that a smaller one counts as. */
const LEAST_FACTOR = 2 ** -64;

/**
 * |Λ||x| + Σ_j |f_i|ᵀ (E_ij (1 + |G_ij|) + 2⁻⁶⁴) |g_j||x_j| + the same for Z₀, G_ij = g_{j+1} + … + g_i and E_ij its
 * exponential; and the final state of the same terms: (21d), (23d). O(n r p).
 * @param x n×p, of any sign @param options `alpha` is not looked at
 */
export function bound(
  op: ReferenceOperator,
  x: Float64Array,
  p: number,
  { trans, initialState, lastGap }: ReferenceOptions = {},
): ReferenceResult {
  if (trans) return transposed(bound as ReferenceMethod, op, x, p, { initialState, lastGap });
  const { n, r, q, k } = op;
  const plain = initialState === undefined ? new Float64Array(r * p) : initialState.map(Math.abs);
  const carried: Carried = { decayed: plain.slice(), moved: new Float64Array(r * p), plain };
  const y = new Float64Array(n * p);
  for (let i = 0; i < n; i++) {
    decayBounds(carried, op, i, p);
    for (let j = 0; j < p; j++) {
      let sum = Math.abs(lambda(op, i) * x[i * p + j]!);
      for (let m = 0; m < r; m++) sum += Math.abs(q[i * r + m]!) * total(carried, m * p + j, op);
      y[i * p + j] = sum;
    }
    for (let m = 0; m < r; m++) {
      for (let j = 0; j < p; j++) {
        const term = Math.abs(k[i * r + m]! * x[i * p + j]!);
        carried.decayed[m * p + j]! += term;
        if (op.decay) carried.plain[m * p + j]! += term;
      }
    }
  }
  if (lastGap) decayBounds(carried, { ...op, n: 1, decay: lastGap }, 0, p);
  return { y, finalState: carried.decayed.map((_, at) => total(carried, at, op)) };
}

/** Σ E|k||x|, Σ E|G||k||x| and Σ |k||x|, each r×p. */
interface Carried {
  readonly decayed: Float64Array;
  readonly moved: Float64Array;
  readonly plain: Float64Array;
}

function total({ decayed, moved, plain }: Carried, at: number, { decay }: ReferenceOperator): number {
  return decay === undefined ? decayed[at]! : decayed[at]! + moved[at]! + LEAST_FACTOR * plain[at]!;
}

function decayBounds({ decayed, moved }: Carried, op: ReferenceOperator, i: number, p: number): void {
  if (op.decay === undefined) return;
  for (let m = 0; m < op.r; m++) {
    const g = Math.abs(gap(op, i, m));
    // Through a reset nothing passes, however g is off.
    for (let j = m * p; j < (m + 1) * p; j++) moved[j] = g < Infinity ? moved[j]! + g * decayed[j]! : 0;
  }
  decayState(moved, op, i, p);
  decayState(decayed, op, i, p);
}

/** e^G (1 + |G|) + 2⁻⁶⁴, G being a sum of gaps. */
function allowance(sum: number): number {
  return (sum === -Infinity ? 0 : Math.exp(sum) * (1 + Math.abs(sum))) + LEAST_FACTOR;
}

/** |Λ| + tril(Σ_m |q|(E (1 + |G|) + 2⁻⁶⁴)|k|, −1), n×n: what stands for |T| in (24). O(n² r). */
export function absoluteMatrix(op: ReferenceOperator): Float64Array {
  const { n, r, q, k } = op;
  const t = new Float64Array(n * n);
  const sums = new Float64Array(r);
  for (let i = 0; i < n; i++) {
    sums.fill(0);
    for (let j = i - 1; j >= 0; j--) {
      for (let m = 0; m < r; m++) {
        const product = Math.abs(q[i * r + m]! * k[j * r + m]!);
        t[i * n + j]! += product * (op.decay ? allowance((sums[m]! += gap(op, j + 1, m))) : 1);
      }
    }
    t[i * n + i] = Math.abs(lambda(op, i));
  }
  return t;
}
