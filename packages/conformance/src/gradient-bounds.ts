/**
 * How far a right gradient may be from the true one, element by element.
 *
 * A solve with ω ≤ 16 ε is off by at most 16 ε E, E = |op(T)⁻¹| (|T||Y| + |B| + |F||Z₀|), where |T| stands for
 * |Λ| + tril(|Q||K|ᵀ, −1) and, with decay, for core's `bound`. Every other gradient is a product of L (B̄, or αȲ for apply) and R (Y, or X)
 * with inputs. A product of factors that are off by E_L and E_R is off by the same product of E_L|R| + |L|E_R + |L||R|. The gradient of g is a
 * sum of Q̄, K̄ and Z̄₀ times Q, K and Z₀. No tolerance is chosen.
 */
import { bound, transpose, type ReferenceOperator } from "@dlrt/core/reference";
import { abs, plus, solved, type Gradients, type VjpCase } from "./gradient-case.js";

/** Computes |L|, |R| and their errors per ε, by the equations in this file's head. */
function factors(one: VjpCase): Record<"left" | "right" | "leftError" | "rightError", Float64Array> {
  const { op, p, rhs, options } = one;
  const { trans = false, alpha = 1, initialState: state, finalStateCotangent } = options;
  const scaled = one.cotangent.map((value) => alpha * value);
  if (one.verb === "apply") {
    const zero = new Float64Array(op.n * p);
    return { left: abs(scaled), right: abs(rhs), leftError: zero, rightError: zero };
  }
  const forward = solved(one, rhs, trans, state);
  const backward = solved(
    one,
    scaled,
    !trans,
    finalStateCotangent?.map((value) => -value),
  );
  return {
    left: abs(backward.y),
    right: abs(forward.y),
    leftError: backward.error,
    rightError: forward.error,
  };
}

function rowDots(a: Float64Array, b: Float64Array, n: number, p: number): Float64Array {
  const dots = new Float64Array(n);
  for (let i = 0; i < n; i++) for (let j = 0; j < p; j++) dots[i]! += a[i * p + j]! * b[i * p + j]!;
  return dots;
}

/** Returns column m of a matrix of `cols` columns. */
function column(a: Float64Array, cols: number, m: number): Float64Array {
  return Float64Array.from({ length: a.length / cols }, (_, i) => a[i * cols + m]!);
}

/** Computes tril(|L||R|ᵀ, −1) |K|, or its transpose times |Q|, and what comes from a state, p×r. Each column decays as its channel. */
function throughOuter(
  op: VjpCase["op"],
  outer: ReferenceOperator,
  toK: boolean,
  state: Float64Array | undefined,
): Float64Array {
  const { n, r, decay } = op;
  const x = toK ? op.q : op.k;
  if (decay === undefined || decay.length === n) {
    return bound({ ...outer, decay }, x, r, { trans: toK, initialState: state }).y;
  }
  const all = new Float64Array(n * r);
  for (let m = 0; m < r; m++) {
    const { y } = bound({ ...outer, decay: column(decay, r, m) }, column(x, r, m), 1, {
      trans: toK,
      initialState: state && column(state, r, m),
    });
    for (let i = 0; i < n; i++) all[i * r + m] = y[i]!;
  }
  return all;
}

/** Returns how wrong a gradient may be for 1 ε of error in each step. */
export function gradientBounds(one: VjpCase): Gradients {
  const { op, p, options } = one;
  const { n, r } = op;
  const { trans = false, initialState: state, finalStateCotangent } = options;
  const { left, right, leftError, rightError } = factors(one);
  const z0 = state && transpose(state, r, p);
  const zf = finalStateCotangent && transpose(finalStateCotangent, r, p);
  const products = [
    [left, right],
    [leftError, right],
    [left, rightError],
  ] as const;
  const through = (toK: boolean): Float64Array => {
    const [first, ...others] = products.map(([l, rr]) => {
      const outer = { n, r: p, q: trans ? rr : l, k: trans ? l : rr };
      return throughOuter(op, outer, toK, trans !== toK ? zf : z0);
    });
    return plus(first!, ...others);
  };
  const [first, ...others] = products.map(([l, rr]) => rowDots(l, rr, n, p));
  const back = bound(op, plus(left, leftError), p, { trans: !trans, initialState: finalStateCotangent });
  const bounds = {
    diag: plus(first!, ...others),
    q: through(false),
    k: through(true),
    rhs: one.verb === "apply" ? back.y : leftError,
    initialState: back.finalState,
  };
  return { ...bounds, decay: decayBound(one, bounds) };
}

/**
 * Returns how wrong ḡ may be. The bounds of Q̄, K̄ and Z̄₀ bound their sizes too: each term of ḡ is off by what its
 * factor is off by, and by the roundings of the sums through which it goes, one over the rows of Z₀ and one over all
 * rows.
 */
function decayBound(
  { op, p, options: { trans = false, initialState: state } }: VjpCase,
  bounds: Omit<Gradients, "decay">,
): Float64Array {
  const { n, r, decay } = op;
  if (decay === undefined) return new Float64Array(0);
  const channels = decay.length === n ? 1 : r;
  const allowed = new Float64Array(n * channels);
  const sums = new Float64Array(channels);
  state?.forEach(
    (z, at) => (sums[Math.floor(at / p) % channels]! += 3 * Math.abs(z) * bounds.initialState[at]!),
  );
  for (let step = 0; step < n; step++) {
    const i = trans ? n - 1 - step : step;
    if (!trans) allowed.set(sums, i * channels);
    for (let at = i * r; at < (i + 1) * r; at++) {
      const own = Math.abs(op.q[at]!) * bounds.q[at]! + Math.abs(op.k[at]!) * bounds.k[at]!;
      sums[(at - i * r) % channels]! += 2 * own;
    }
    if (trans) allowed.set(sums, i * channels);
  }
  return allowed;
}
