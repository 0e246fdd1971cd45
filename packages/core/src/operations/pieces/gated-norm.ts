import type { GatedNormParams } from "../../contract/layer-kernels.js";
import type { HostTensor } from "../../contract/tensor.js";
import { dot, rootOf, rowStart, SHRINK } from "./rows.js";
import { sigmoid, sigmoidSlope, silu, siluSlope } from "./scalars.js";

type Params = GatedNormParams<HostTensor>;

/** `GatedNormParams` on tensors that the host reaches. */
export function gatedNorm(params: Params): void {
  const { batch, n, p, eps, x, out } = params;
  // These hold, for the present row, x / √(mean(x²) + eps), weight ∘ f(z), and ȳ times the latter.
  const [unit, factor, bar] = [new Float64Array(p), new Float64Array(p), new Float64Array(p)];
  for (let entry = 0; entry < batch; entry++) {
    for (let i = 0; i < n; i++) {
      const at = rowStart(x, entry, i);
      let shrink = 1;
      let root = rootOf(x.data, at, p, p, eps, shrink);
      if (root === Infinity) root = rootOf(x.data, at, p, p, eps, (shrink = SHRINK));
      for (let j = 0; j < p; j++) unit[j] = (shrink * x.data[at + j]!) / root;
      factors(params, entry, i, factor);
      if (params.cotangent) {
        rowBack(params, params.cotangent, entry, i, unit, factor, bar, root / shrink);
      } else if (out) {
        const to = rowStart(out, entry, i);
        for (let j = 0; j < p; j++) out.data[to + j] = unit[j]! * factor[j]!;
      }
    }
  }
}

/** Computes weight ∘ f(z). */
function factors(
  { p, gate, weight, activation }: Params,
  entry: number,
  i: number,
  factor: Float64Array,
): void {
  if (gate === undefined) factor.fill(1);
  else {
    const at = rowStart(gate, entry, i);
    if (activation === "silu") for (let j = 0; j < p; j++) factor[j] = silu(gate.data[at + j]!);
    else for (let j = 0; j < p; j++) factor[j] = sigmoid(gate.data[at + j]!);
  }
  if (weight === undefined) return;
  const at = rowStart(weight, entry, 0);
  for (let j = 0; j < p; j++) factor[j]! *= weight.data[at + j]!;
}

/** Computes the gradients of one row. `norm` is √(mean(x²) + eps). */
function rowBack(
  params: Params,
  cotangent: HostTensor,
  entry: number,
  i: number,
  unit: Float64Array,
  factor: Float64Array,
  bar: Float64Array,
  norm: number,
): void {
  const { p, gradients } = params;
  const at = rowStart(cotangent, entry, i);
  const x = gradients?.x;
  if (x) {
    for (let j = 0; j < p; j++) bar[j] = cotangent.data[at + j]! * factor[j]!;
    const along = dot(bar, 0, unit, 0, p) / p;
    const to = rowStart(x, entry, i);
    for (let j = 0; j < p; j++) x.data[to + j] = (bar[j]! - unit[j]! * along) / norm;
  }
  // From here on ȳ ∘ x / norm is all that the other gradients need of them.
  for (let j = 0; j < p; j++) unit[j]! *= cotangent.data[at + j]!;
  gateBack(params, entry, i, unit);
}

function gateBack(
  { p, activation, gate, weight, gradients }: Params,
  entry: number,
  i: number,
  bar: Float64Array,
): void {
  const at = gate ? rowStart(gate, entry, i) : 0;
  const z = gradients?.gate;
  if (gate && z) {
    const [to, weightAt] = [rowStart(z, entry, i), weight ? rowStart(weight, entry, 0) : 0];
    for (let j = 0; j < p; j++) {
      const slope = activation === "silu" ? siluSlope(gate.data[at + j]!) : sigmoidSlope(gate.data[at + j]!);
      z.data[to + j] = bar[j]! * (weight ? weight.data[weightAt + j]! : 1) * slope;
    }
  }
  const terms = gradients?.weightTerms;
  if (terms === undefined) return;
  const to = rowStart(terms, entry, i);
  for (let j = 0; j < p; j++) {
    const f =
      gate === undefined ? 1 : activation === "silu" ? silu(gate.data[at + j]!) : sigmoid(gate.data[at + j]!);
    terms.data[to + j] = bar[j]! * f;
  }
}
