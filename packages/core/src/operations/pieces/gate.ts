import type { GateParams } from "../../contract/layer-kernels.js";
import type { HostTensor } from "../../contract/tensor.js";
import { rowStart } from "./rows.js";
import { finite, scaledSigmoid, scaledSoftplus, sigmoid, sigmoidSlope } from "./scalars.js";

/** `GateParams` on tensors that the host reaches. */
export function gate(params: GateParams<HostTensor>): void {
  const { batch, n, x, a, bias, lowerBound, cotangent, out } = params;
  for (let entry = 0; entry < batch; entry++) {
    const rate = a.data[rowStart(a, entry, 0)]!;
    const biasAt = rowStart(bias, entry, 0);
    for (let i = 0; i < n; i++) {
      const at = rowStart(x, entry, i);
      const to = rowStart(out, entry, i);
      if (cotangent !== undefined) rowBack(params, cotangent, entry, i, rate);
      else if (lowerBound === undefined) {
        for (let j = 0; j < params.p; j++)
          out.data[to + j] = -scaledSoftplus(rate, finite(x.data[at + j]! + bias.data[biasAt + j]!));
      } else {
        const slope = slopeOf(rate);
        for (let j = 0; j < params.p; j++)
          out.data[to + j] = lowerBound * sigmoid(slope * finite(x.data[at + j]! + bias.data[biasAt + j]!));
      }
    }
  }
}

/** Returns e^a, but neither 0 nor Infinity, so that its products with 0 and with Infinity are what their limits are. */
function slopeOf(a: number): number {
  return Math.max(Number.MIN_VALUE, finite(Math.exp(a)));
}

/** Computes ḡ ∘ ∂g/∂x of a row, and Σ ḡ ∘ ∂g/∂a. */
function rowBack(
  { p, x, bias, lowerBound, out, aTerms }: GateParams<HostTensor>,
  cotangent: HostTensor,
  entry: number,
  row: number,
  rate: number,
): void {
  const at = rowStart(x, entry, row);
  const biasAt = rowStart(bias, entry, 0);
  const barAt = rowStart(cotangent, entry, row);
  const to = rowStart(out, entry, row);
  const slope = slopeOf(rate);
  let terms = 0;
  for (let j = 0; j < p; j++) {
    const z = finite(x.data[at + j]! + bias.data[biasAt + j]!);
    const bar = cotangent.data[barAt + j]!;
    if (lowerBound === undefined) {
      out.data[to + j] = -bar * finite(scaledSigmoid(rate, z));
      terms -= bar * finite(scaledSoftplus(rate, z));
    } else {
      const y = finite(slope * z);
      const steep = bar * lowerBound * sigmoidSlope(y);
      out.data[to + j] = steep * slope;
      terms += steep * y;
    }
  }
  if (aTerms !== undefined) aTerms.data[rowStart(aTerms, entry, row)] = terms;
}
