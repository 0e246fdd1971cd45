import type { Backend, Tensor } from "@dlrt/core";
import type { OutputCotangent, PieceGradients } from "./check.js";
import { checkGate, computeGate, gateGradients } from "./gate.js";

export interface GdnGateInputs<T extends Tensor = Tensor> {
  /** What the model projects, [B, T, H], where H is the number of heads of the state */
  readonly a: T;
  /** A_log, [1, 1, H] */
  readonly aLog: T;
  /** dt_bias, [1, 1, H] */
  readonly dtBias: T;
}

/**
 * Computes g = −exp(A_log) · softplus(a + dt_bias), the `decay` of `gatedDeltaRule`, from what Gated DeltaNet (Qwen3-Next, Qwen3.5) projects.
 * From Yang, Kautz and Hatamizadeh, "Gated Delta Networks", arXiv 2412.06464.
 * @returns [B, T, H], the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function gdnGate<T extends Tensor>(backend: Backend<T>, inputs: GdnGateInputs<T>): T {
  return computeGate(backend, { ...checkGate(backend, "a", inputs, false), lowerBound: undefined });
}

/**
 * Computes the gradients of `gdnGate` for every input.
 * @returns new tensors, the caller's to dispose
 * @throws as `gdnGate`
 */
export function gdnGateVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: GdnGateInputs<T>,
  cotangents: OutputCotangent<T>,
): PieceGradients<GdnGateInputs<T>> {
  const call = { ...checkGate(backend, "a", inputs, false), lowerBound: undefined };
  const [a, aLog, dtBias] = gateGradients(backend, call, cotangents);
  return { a, aLog, dtBias };
}
