import { sigmoid, softplus } from "./scalars.js";

/**
 * g = −exp(A_log) softplus(x + dt_bias), one number for each key channel, with one A_log for each head; with a lower bound
 * g = lowerBound · σ(exp(A_log) (x + dt_bias)).
 *
 * Kimi Team, "Kimi Linear", arXiv 2510.26692; the bound as in flash-linear-attention's `kda_gate`.
 * @param x is [B, T, H, K]
 * @param aLog has H numbers
 * @param dtBias is [H, K]
 */
export function kdaGate(
  x: Float64Array,
  aLog: Float64Array,
  dtBias: Float64Array,
  lowerBound?: number,
): Float64Array {
  const width = dtBias.length / aLog.length;
  return x.map((value, at) => {
    const channel = at % dtBias.length;
    const rate = Math.exp(aLog[Math.floor(channel / width)]!);
    const shifted = value + dtBias[channel]!;
    return lowerBound === undefined ? -rate * softplus(shifted) : lowerBound * sigmoid(rate * shifted);
  });
}
