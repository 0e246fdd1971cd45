import type { CausalConvVjpParams } from "../../contract/layer-kernels.js";
import type { FloatArray, HostTensor } from "../../contract/tensor.js";
import { convolveRow } from "./causal-conv.js";
import { rowStart } from "./rows.js";
import { siluSlope } from "./scalars.js";

/**
 * A compensated sum for every tap and channel: a sequence may be long, and there is no type wider than f64 to sum in.
 */
interface Sums {
  readonly sum: Float64Array;
  readonly lost: Float64Array;
}

const newSums = (length: number): Sums => ({ sum: new Float64Array(length), lost: new Float64Array(length) });

/**
 * `CausalConvVjpParams` on tensors that the host reaches. Row m of X̄ gathers from the tokens m − taps + 1 to m, so `taps` rows of it are
 * under way at a time, and each is stored once.
 */
export function causalConvVjp(params: CausalConvVjpParams<HostTensor>): void {
  const { batch, n, p, taps, weight, gradients } = params;
  const bar = new Float64Array(p);
  const underWay = new Float64Array(taps * p);
  const ones = new Float64Array(p).fill(1);
  for (let entry = 0; entry < batch; entry++) {
    const weights = newSums(gradients.weight ? taps * p : 0);
    const biases = newSums(gradients.bias ? p : 0);
    underWay.fill(0);
    for (let i = 0; i < n; i++) {
      preActivation(params, entry, i, bar);
      for (let j = 0; j < taps; j++)
        addTo(underWay, ((i + j) % taps) * p, bar, weight.data, rowStart(weight, entry, j), p);
      if (gradients.weight) addWeights(params, entry, i, bar, weights);
      if (gradients.bias) addCompensated(biases, 0, bar, ones, 0, p);
      storeRow(params, entry, i, underWay);
    }
    for (let m = n; m < n + taps - 1; m++) storeRow(params, entry, m, underWay);
    if (gradients.weight)
      for (let j = 0; j < taps; j++) store(gradients.weight, entry, j, weights.sum, j * p, p);
    if (gradients.bias) store(gradients.bias, entry, 0, biases.sum, 0, p);
  }
}

/** Computes the cotangent of y_i before the activation. */
function preActivation(
  params: CausalConvVjpParams<HostTensor>,
  entry: number,
  i: number,
  bar: Float64Array,
): void {
  const { p, activation, cotangent } = params;
  const at = rowStart(cotangent, entry, i);
  if (activation === "none") {
    for (let c = 0; c < p; c++) bar[c] = cotangent.data[at + c]!;
    return;
  }
  convolveRow(params, entry, i, bar);
  for (let c = 0; c < p; c++) bar[c] = cotangent.data[at + c]! * siluSlope(bar[c]!);
}

function addTo(
  into: Float64Array,
  to: number,
  bar: Float64Array,
  weight: FloatArray,
  at: number,
  p: number,
): void {
  for (let c = 0; c < p; c++) into[to + c]! += bar[c]! * weight[at + c]!;
}

function addCompensated(
  { sum, lost }: Sums,
  to: number,
  bar: Float64Array,
  x: FloatArray,
  at: number,
  p: number,
): void {
  for (let c = 0; c < p; c++) {
    const term = bar[c]! * x[at + c]! - lost[to + c]!;
    const old = sum[to + c]!;
    const next = old + term;
    lost[to + c] = next - old - term;
    sum[to + c] = next;
  }
}

/** Adds ȳ_i ∘ X_{i+j} for every tap j. */
function addWeights(
  { p, taps, x, initialState }: CausalConvVjpParams<HostTensor>,
  entry: number,
  i: number,
  bar: Float64Array,
  weights: Sums,
): void {
  for (let j = 0; j < taps; j++) {
    const token = i + j - (taps - 1);
    const from = token < 0 ? initialState : x;
    if (from === undefined) continue;
    addCompensated(weights, j * p, bar, from.data, rowStart(from, entry, token < 0 ? i + j : token), p);
  }
}

/** Stores row m of X̄ in the gradient of the initial state or of x, which makes room for row m + taps. */
function storeRow(
  { n, p, taps, gradients, finalStateCotangent }: CausalConvVjpParams<HostTensor>,
  entry: number,
  m: number,
  underWay: Float64Array,
): void {
  const at = (m % taps) * p;
  if (m >= n && finalStateCotangent) {
    const from = rowStart(finalStateCotangent, entry, m - n);
    for (let c = 0; c < p; c++) underWay[at + c]! += finalStateCotangent.data[from + c]!;
  }
  const token = m - (taps - 1);
  const into = token < 0 ? gradients.initialState : gradients.x;
  if (into) store(into, entry, token < 0 ? m : token, underWay, at, p);
  underWay.fill(0, at, at + p);
}

function store(
  into: HostTensor,
  entry: number,
  row: number,
  from: Float64Array,
  at: number,
  p: number,
): void {
  const to = rowStart(into, entry, row);
  for (let c = 0; c < p; c++) into.data[to + c] = from[at + c]!;
}
