/**
 * Gradients by differences, which share nothing with the ways in which gradients are computed otherwise.
 *
 * Y is linear in every single entry of Q and K (T⁻¹e_i lives in rows ≥ i, and q_i meets rows < i), in B and in Z₀, and it is a + c/λ_i in
 * every λ_i. It is linear in e^{g_t} too, from 0 (a reset) to 1 (no decay): what passes gap t is U Vᵀ e^{g_t} with U in rows ≥ t and V in
 * rows < t, which T⁻¹ cannot lead back. So a difference over a step of any size is exact but for the roundings of float64, which are
 * bounded like the solve's.
 */
import { bound, recurrent } from "@dlrt/core/reference";
import {
  abs,
  gradientNames,
  plus,
  solved,
  type GradientName,
  type Gradients,
  type VjpCase,
} from "./gradient-case.js";

/** Computes f = ⟨Ȳ, αY⟩ + ⟨Z̄, Z⟩, and how much one roundoff in each step may move it. */
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
  // Where f = a + c/λ, the gradient is −c/λ² with c = Δf / Δ(1/λ).
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
