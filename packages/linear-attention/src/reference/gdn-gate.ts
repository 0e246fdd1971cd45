import { softplus } from "./scalars.js";

/**
 * g = −exp(A_log) softplus(a + dt_bias), one number for each head.
 *
 * Yang, Kautz and Hatamizadeh, "Gated Delta Networks", arXiv 2412.06464, whose gate is that of Mamba-2 (Dao and Gu, arXiv 2405.21060).
 * @param a is [B, T, H]
 * @param aLog has H numbers, as has dtBias
 */
export function gdnGate(a: Float64Array, aLog: Float64Array, dtBias: Float64Array): Float64Array {
  return a.map((value, at) => {
    const head = at % aLog.length;
    return -Math.exp(aLog[head]!) * softplus(value + dtBias[head]!);
  });
}
