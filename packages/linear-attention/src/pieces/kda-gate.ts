import { ValueError, type Backend, type Tensor } from "@dlrt/core";
import { checkOptions, describe } from "@dlrt/core/backend";
import type { OutputCotangent, PieceGradients } from "./check.js";
import { checkGate, computeGate, gateGradients, type GateCall } from "./gate.js";

export interface KdaGateInputs<T extends Tensor = Tensor> {
  /** What the model projects, [B, T, H·K], where H is the number of heads of the state */
  readonly x: T;
  /** A_log, [1, 1, H] */
  readonly aLog: T;
  /** dt_bias, [1, 1, H·K] */
  readonly dtBias: T;
}

export interface KdaGateOptions {
  /** The number below which g never falls, < 0. Kimi-K3 has −5. Default: there is no bound. */
  readonly lowerBound?: number | undefined;
}

/**
 * Computes g, the `decay` of `kimiDeltaAttention`, from what the model projects: g = −exp(A_log) · softplus(x + dt_bias), or with a lower
 * bound g = lowerBound · σ(exp(A_log) · (x + dt_bias)), which is smooth everywhere. From Kimi Team, "Kimi Linear", arXiv 2510.26692; the bound
 * is that of flash-linear-attention.
 * @returns [B, T, H·K], the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function kdaGate<T extends Tensor>(
  backend: Backend<T>,
  inputs: KdaGateInputs<T>,
  options: KdaGateOptions = {},
): T {
  return computeGate(backend, checkKda(backend, inputs, options));
}

/**
 * Computes the gradients of `kdaGate` for every input.
 * @returns new tensors, the caller's to dispose
 * @throws as `kdaGate`
 */
export function kdaGateVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: KdaGateInputs<T>,
  cotangents: OutputCotangent<T>,
  options: KdaGateOptions = {},
): PieceGradients<KdaGateInputs<T>> {
  const [x, aLog, dtBias] = gateGradients(backend, checkKda(backend, inputs, options), cotangents);
  return { x, aLog, dtBias };
}

function checkKda<T extends Tensor>(
  backend: Backend<T>,
  inputs: KdaGateInputs<T>,
  options: KdaGateOptions,
): GateCall<T> {
  const call = checkGate(backend, "x", inputs, true);
  checkOptions("options", options, ["lowerBound"]);
  const { lowerBound } = options;
  if (lowerBound !== undefined && !(Number.isFinite(lowerBound) && lowerBound < 0))
    throw new ValueError("lowerBound", "a number < 0", describe(lowerBound));
  return { ...call, lowerBound };
}
