/**
 * Functions of one number that are right for any finite argument: they take no exp of a large positive number and no
 * difference of nearly equal numbers.
 */

/** 1 / (1 + e^(−z)) */
export function sigmoid(z: number): number {
  if (z >= 0) return 1 / (1 + Math.exp(-z));
  const e = Math.exp(z);
  return e / (1 + e);
}

/** z σ(z) */
export function silu(z: number): number {
  return z * sigmoid(z);
}

/** d silu/dz = σ(z) (1 + z σ(−z)) */
export function siluSlope(z: number): number {
  return sigmoid(z) * (1 + z * sigmoid(-z));
}

/** dσ/dz = σ(z) σ(−z) */
export function sigmoidSlope(z: number): number {
  return sigmoid(z) * sigmoid(-z);
}

/** log(1 + e^z) */
export function softplus(z: number): number {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
}

/** Below this z, e^z equals softplus(z) and σ(z) to the last bit of float64. */
const TAIL = -40;

/** Beyond ± this a, e^a or its product with a factor may leave float64 although the result does not. */
const LARGE = 700;

/** e^a softplus(z) */
export function scaledSoftplus(a: number, z: number): number {
  if (z >= TAIL && Math.abs(a) <= LARGE) return Math.exp(a) * softplus(z);
  return Math.exp(a + (z < TAIL ? z : Math.log(softplus(z))));
}

/** e^a σ(z), the derivative of scaledSoftplus by z. */
export function scaledSigmoid(a: number, z: number): number {
  if (z >= TAIL && Math.abs(a) <= LARGE) return Math.exp(a) * sigmoid(z);
  return Math.exp(a + (z < TAIL ? z : -Math.log1p(Math.exp(-z))));
}

/** Returns `x` where it is finite, and otherwise the finite number next to it, so that 0 times it is 0. */
export function finite(x: number): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, x));
}
