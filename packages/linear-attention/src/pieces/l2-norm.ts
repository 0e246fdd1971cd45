import type { Backend, Tensor } from "@dlrt/core";
import { checkOptions, checkPiece } from "@dlrt/core/backend";
import { checkEpsilon } from "../engine/check-options.js";
import { normalize, normalizeVjp } from "../engine/normalize.js";
import type { Packed } from "../engine/packed.js";
import { withScope } from "../engine/scope.js";
import {
  checkFirst,
  checkHeadCount,
  checkOutputCotangent,
  type OutputCotangent,
  type PieceGradients,
} from "./check.js";

export interface L2NormInputs<T extends Tensor = Tensor> {
  /** [B, T, H·D] */
  readonly x: T;
}

export interface L2NormOptions {
  /** H. Every head of a token is normalised by itself. Default 1. */
  readonly heads?: number | undefined;
  /** What is added to the sum of squares, > 0. Default 1e-6. */
  readonly eps?: number | undefined;
}

/**
 * Computes x / √(Σx² + eps), the sum being over the columns of each head: what the delta rule wants of query and key, and what the option
 * `normalizeKeys` does within a layer.
 * @returns [B, T, H·D], the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function l2Norm<T extends Tensor>(
  backend: Backend<T>,
  inputs: L2NormInputs<T>,
  options: L2NormOptions = {},
): T {
  const { x, eps } = checkL2Norm(backend, inputs, options);
  return withScope(backend, x.tensor.dtype, (scope) => scope.release(normalize(scope, x, eps).tensor));
}

/**
 * Computes the gradient of `l2Norm`, (ȳ − y (y·ȳ)) / √(Σx² + eps), which is finite where x = 0.
 * @returns a new tensor, the caller's to dispose
 * @throws as `l2Norm`
 */
export function l2NormVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: L2NormInputs<T>,
  cotangents: OutputCotangent<T>,
  options: L2NormOptions = {},
): PieceGradients<L2NormInputs<T>> {
  const { x, eps } = checkL2Norm(backend, inputs, options);
  checkOutputCotangent(backend, cotangents, x.tensor);
  return withScope(backend, x.tensor.dtype, (scope) => {
    const tensor = cotangents.output ?? scope.full(0, x.tensor.shape);
    return { x: scope.release(normalizeVjp(scope, x, eps, { ...x, tensor }).tensor) };
  });
}

function checkL2Norm<T extends Tensor>(
  backend: Backend<T>,
  inputs: L2NormInputs<T>,
  options: L2NormOptions,
): { readonly x: Packed<T>; readonly eps: number } {
  const tensor = checkFirst(backend, inputs, ["x"]);
  checkOptions("options", options, ["heads", "eps"]);
  const { heads: count = 1, eps: given = 1e-6 } = options;
  const heads = checkHeadCount(count, "x", tensor);
  const eps = checkEpsilon("eps", given, tensor.dtype);
  checkPiece(backend, "normalizeRows", tensor);
  return { x: { tensor, heads, width: tensor.shape[2] / heads }, eps };
}
