import { ValueError, type Backend, type Tensor } from "@dlrt/core";
import { checkOptions, checkPiece, describe } from "@dlrt/core/backend";
import { withScope, type Scope } from "../engine/scope.js";
import { checkFirst, checkOutputCotangent, type OutputCotangent, type PieceGradients } from "./check.js";
import { runGate, type GateCall } from "./gate.js";

export interface BetaGateInputs<T extends Tensor = Tensor> {
  /** What the model projects, [B, T, H] */
  readonly b: T;
}

export interface BetaGateOptions {
  /** The largest β, > 0. Default 1. Models that allow negative eigenvalues have 2. */
  readonly scale?: number | undefined;
}

/**
 * Computes β = scale · σ(b), the share of a correction that the delta rule writes, from what the model projects.
 * @returns [B, T, H], the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function betaGate<T extends Tensor>(
  backend: Backend<T>,
  inputs: BetaGateInputs<T>,
  options: BetaGateOptions = {},
): T {
  const { b, scale } = checkBeta(backend, inputs, options);
  return withScope(backend, b.dtype, (scope) =>
    scope.release(runGate(scope, callOf(scope, b, scale)).out.tensor),
  );
}

/**
 * Computes the gradient of `betaGate`, [B, T, H].
 * @returns a new tensor, the caller's to dispose
 * @throws as `betaGate`
 */
export function betaGateVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: BetaGateInputs<T>,
  cotangents: OutputCotangent<T>,
  options: BetaGateOptions = {},
): PieceGradients<BetaGateInputs<T>> {
  const { b, scale } = checkBeta(backend, inputs, options);
  checkOutputCotangent(backend, cotangents, b);
  return withScope(backend, b.dtype, (scope) => {
    const call = callOf(scope, b, scale);
    const tensor = cotangents.output ?? scope.full(0, b.shape);
    return { b: scope.release(runGate(scope, call, { ...call.x, tensor }).out.tensor) };
  });
}

function checkBeta<T extends Tensor>(
  backend: Backend<T>,
  inputs: BetaGateInputs<T>,
  options: BetaGateOptions,
): { readonly b: T; readonly scale: number } {
  const b = checkFirst(backend, inputs, ["b"]);
  checkOptions("options", options, ["scale"]);
  const { scale = 1 } = options;
  if (!(Number.isFinite(scale) && scale > 0)) throw new ValueError("scale", "a number > 0", describe(scale));
  checkPiece(backend, "gate", b);
  return { b, scale };
}

/** Returns β as a call of the bounded gate, lowerBound · σ(exp(A_log) (x + dt_bias)), with A_log = dt_bias = 0 and a single head. */
function callOf<T extends Tensor>(scope: Scope<T>, b: T, scale: number): GateCall<T> {
  const width = b.shape[2];
  const x = { tensor: b, heads: 1, width };
  return { x, aLog: scope.full(0, [1, 1, 1]), dtBias: scope.full(0, [1, 1, width]), lowerBound: scale };
}
