/**
 * How far a right gradient may be from the true one, element by element, and the true one found twice: by core's
 * dense reference, and by differences.
 *
 * Bound. A solve with ω ≤ 16 ε is off by at most 16 ε E, E = |op(T)⁻¹| (|T||Y| + |B| + |F||Z₀|), |T| standing for
 * |Λ| + tril(|Q||K|ᵀ, −1), with decay for core's `bound`. Every other gradient is a product of L (B̄, or αȲ for apply)
 * and R (Y, or X) with inputs; a product of factors off by E_L and E_R is off by the same product of E_L|R| + |L|E_R +
 * |L||R|. That of g is a sum of Q̄, K̄ and Z̄₀ times Q, K and Z₀. No tolerance is chosen.
 *
 * Differences. Y is linear in every single entry of Q and K (T⁻¹e_i lives in rows ≥ i, and q_i meets rows < i), in
 * B and Z₀, and a + c/λ_i in every λ_i. It is linear in e^{g_t} too, from 0 (a reset) to 1 (no decay): what passes gap t
 * is U Vᵀ e^{g_t} with U in rows ≥ t and V in rows < t, which T⁻¹ cannot lead back. So a difference over a step of any size
 * is exact but for float64 rounding, which is bounded like the solve's.
 */
import {
  applyVjp,
  bound,
  inverseVjp,
  matmul,
  recurrent,
  solveVjp,
  transpose,
  type ReferenceOperator,
  type VjpOptions,
} from "@dlrt/core/reference";

export interface VjpCase {
  readonly verb: "solve" | "apply" | "inverse";
  readonly op: ReferenceOperator & { readonly diag: Float64Array };
  /** B or X, n×p; I for inverse */
  readonly rhs: Float64Array;
  readonly p: number;
  /** Ȳ, n×p */
  readonly cotangent: Float64Array;
  readonly options: VjpOptions;
}

export const gradientNames = ["diag", "q", "k", "rhs", "initialState", "decay"] as const;
export type GradientName = (typeof gradientNames)[number];
export type Gradients = Record<GradientName, Float64Array>;

const abs = (a: Float64Array): Float64Array => a.map(Math.abs);
const plus = (a: Float64Array, ...others: Float64Array[]): Float64Array =>
  a.map((value, at) => others.reduce((sum, other) => sum + other[at]!, value));

/** Computes the gradients by core's reference, which forms T̄. */
export function referenceGradients(one: VjpCase): Gradients {
  const { op, rhs, p, cotangent, options } = one;
  const none = new Float64Array(0);
  if (one.verb === "inverse")
    return { decay: none, ...inverseVjp(op, cotangent), rhs: none, initialState: none };
  if (one.verb === "apply") {
    const { x, ...others } = applyVjp(op, rhs, p, cotangent, options);
    return { decay: none, ...others, rhs: x };
  }
  const { b, ...others } = solveVjp(op, rhs, p, cotangent, options);
  return { decay: none, ...others, rhs: b };
}

/** Computes Y = op(T)⁻¹(B − F Z₀), and by how much 1 ε of backward error moves it. */
function solved(
  one: VjpCase,
  rhs: Float64Array,
  trans: boolean,
  state: Float64Array | undefined,
): { y: Float64Array; error: Float64Array } {
  const { op, p } = one;
  const { n } = op;
  const { y } = recurrent.solve(op, rhs, p, { trans, initialState: state });
  const weight = bound(op, y, p, { trans, initialState: state }).y;
  const inverse = abs(recurrent.inverse(op));
  const left = trans ? transpose(inverse, n, n) : inverse;
  return { y, error: matmul(left, plus(weight, abs(rhs)), [n, n, p]) };
}

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

/** tril(|L||R|ᵀ, −1) |K| or its transpose with |Q|, and what comes from a state, p×r: each column decays as its channel. */
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
 * The bounds of Q̄, K̄ and Z̄₀ are bounds of their sizes too: each term of ḡ is off by what its factor is off by, and by
 * the roundings of the sums through which it goes, one of the rows of Z₀ and one of all rows.
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

/** f = ⟨Ȳ, αY⟩ + ⟨Z̄, Z⟩, and how much 1 roundoff in each step may move it. */
function objective(one: VjpCase): { value: number; spread: number } {
  const { op, p, rhs, options, cotangent } = one;
  const { n, r } = op;
  const { trans = false, alpha = 1, initialState: state, finalStateCotangent } = options;
  const verb = one.verb === "apply" ? "apply" : "solve";
  const { y, finalState: z } = recurrent[verb](op, rhs, p, { trans, initialState: state });
  const x = verb === "apply" ? rhs : plus(abs(y), solved(one, rhs, trans, state).error);
  const sizes = bound(op, x, p, { trans, initialState: state });
  const [ySize, zSize] = [verb === "apply" ? sizes.y : x, sizes.finalState];
  let value = 0;
  let spread = 0;
  for (let i = 0; i < n * p; i++) {
    value += cotangent[i]! * alpha * y[i]!;
    spread += Math.abs(cotangent[i]! * alpha) * ySize[i]!;
  }
  for (let i = 0; i < r * p && finalStateCotangent !== undefined; i++) {
    value += finalStateCotangent[i]! * z[i]!;
    spread += Math.abs(finalStateCotangent[i]!) * zSize[i]!;
  }
  return { value, spread };
}

function withEntry(one: VjpCase, name: GradientName, at: number, value: number): VjpCase {
  const changed = (a: Float64Array): Float64Array => a.map((old, index) => (index === at ? value : old));
  if (name === "rhs") return { ...one, rhs: changed(one.rhs) };
  if (name === "initialState") {
    return { ...one, options: { ...one.options, initialState: changed(one.options.initialState!) } };
  }
  return { ...one, op: { ...one.op, [name]: changed(one.op[name]!) } };
}

/** Computes the gradient with respect to one entry by a difference, and its rounding error per roundoff of float64. */
function difference(
  one: VjpCase,
  name: GradientName,
  at: number,
  old: number,
): { value: number; noise: number } {
  if (name === "decay") {
    const [reset, kept] = [-Infinity, 0].map((g) => objective(withEntry(one, name, at, g)));
    const factor = Math.exp(old);
    return { value: factor * (kept!.value - reset!.value), noise: factor * (kept!.spread + reset!.spread) };
  }
  const reciprocal = name === "diag" && one.verb !== "apply";
  const [low, high] = reciprocal ? [0.5 * old, 1.5 * old] : [old - 1, old + 1];
  const a = objective(withEntry(one, name, at, low));
  const b = objective(withEntry(one, name, at, high));
  // d(c/λ)/dλ = −c/λ², c = Δf / Δ(1/λ)
  const perStep = reciprocal ? -1 / (old * old * (1 / high - 1 / low)) : 1 / (high - low);
  return { value: (b.value - a.value) * perStep, noise: (a.spread + b.spread) * Math.abs(perStep) };
}

/**
 * Computes all gradients by differences in O((n r + n p) n³), for small n. A gradient is empty where there is no such
 * input.
 */
export function differences(one: VjpCase): { values: Gradients; noise: Gradients } {
  const values = {} as Gradients;
  const noise = {} as Gradients;
  const { op, rhs, options } = one;
  const state = one.verb === "inverse" ? undefined : options.initialState;
  const inputs: Gradients = {
    ...{ diag: op.diag, q: op.q, k: op.k },
    rhs: one.verb === "inverse" ? new Float64Array(0) : rhs,
    initialState: state ?? new Float64Array(0),
    decay: op.decay ?? new Float64Array(0),
  };
  for (const name of gradientNames) {
    values[name] = new Float64Array(inputs[name].length);
    noise[name] = new Float64Array(inputs[name].length);
    inputs[name].forEach((old, at) => {
      const one1 = difference(one, name, at, old);
      values[name][at] = one1.value;
      noise[name][at] = one1.noise;
    });
  }
  return { values, noise };
}
