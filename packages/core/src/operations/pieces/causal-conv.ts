import type { CausalConvParams, CausalConvVjpParams } from "../../contract/layer-kernels.js";
import type { FloatArray, HostTensor } from "../../contract/tensor.js";
import { rowStart } from "./rows.js";
import { silu } from "./scalars.js";

type Given = Pick<CausalConvVjpParams<HostTensor>, "p" | "taps" | "x" | "weight" | "bias" | "initialState">;

/** `CausalConvParams` on tensors that the host reaches. */
export function causalConv(params: CausalConvParams<HostTensor>): void {
  const { batch, n, p, activation, out } = params;
  const sums = new Float64Array(p);
  for (let entry = 0; entry < batch; entry++) {
    for (let i = 0; i < n; i++) {
      convolveRow(params, entry, i, sums);
      const to = rowStart(out, entry, i);
      if (activation === "silu") for (let c = 0; c < p; c++) out.data[to + c] = silu(sums[c]!);
      else for (let c = 0; c < p; c++) out.data[to + c] = sums[c]!;
    }
    if (params.finalState) keepRows(params, params.finalState, entry);
  }
}

/** Computes y_i of one entry into `sums`. */
export function convolveRow(given: Given, entry: number, i: number, sums: Float64Array): void {
  const { p, taps, x, weight, bias, initialState } = given;
  if (bias === undefined) sums.fill(0);
  else {
    const at = rowStart(bias, entry, 0);
    for (let c = 0; c < p; c++) sums[c] = bias.data[at + c]!;
  }
  for (let j = 0; j < taps; j++) {
    const token = i + j - (taps - 1);
    const from = token < 0 ? initialState : x;
    if (from === undefined) continue;
    const at = rowStart(from, entry, token < 0 ? i + j : token);
    addProducts(sums, weight.data, rowStart(weight, entry, j), from.data, at, p);
  }
}

function addProducts(
  sums: Float64Array,
  weight: FloatArray,
  weightAt: number,
  x: FloatArray,
  at: number,
  p: number,
): void {
  for (let c = 0; c < p; c++) sums[c]! += weight[weightAt + c]! * x[at + c]!;
}

/** Copies the last taps − 1 rows of the initial state followed by x. */
function keepRows(
  { n, p, taps, x, initialState }: CausalConvParams<HostTensor>,
  into: HostTensor,
  entry: number,
): void {
  for (let row = 0; row < taps - 1; row++) {
    const token = n + row - (taps - 1);
    const from = token < 0 ? initialState : x;
    const to = rowStart(into, entry, row);
    const at = from === undefined ? 0 : rowStart(from, entry, token < 0 ? n + row : token);
    for (let c = 0; c < p; c++) into.data[to + c] = from === undefined ? 0 : from.data[at + c]!;
  }
}
