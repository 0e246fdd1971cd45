import {
  DtypeError,
  ShapeError,
  ValueError,
  type Backend,
  type Dtype,
  type Shape,
  type Tensor,
} from "@dlrt/core";
import { checkOptions, checkReadable, describe } from "@dlrt/core/backend";
import type { Cotangents, LayerOptions } from "./options.js";
import { stateShape, type StateForm } from "./states.js";

/** Returns the eps of `normalizeKeys`, or undefined where query and keys are taken as they are. @throws ValueError */
export function checkEps(normalizeKeys: LayerOptions["normalizeKeys"], dtype: Dtype): number | undefined {
  if (normalizeKeys === undefined || normalizeKeys === false) return undefined;
  if (normalizeKeys === true) return 1e-6;
  checkOptions("normalizeKeys", normalizeKeys, ["eps"]);
  return checkEpsilon("normalizeKeys.eps", normalizeKeys.eps, dtype);
}

/**
 * Checks a number that is added to squares, so that rows of zeros have a norm. It must be a normal number of the dtype, because a subnormal
 * one may count as 0 on a device.
 * @throws ValueError
 */
export function checkEpsilon(name: string, eps: number, dtype: Dtype): number {
  const least = dtype === "f32" ? 2 ** -126 : 2 ** -1022;
  if (!Number.isFinite(eps) || eps < least)
    throw new ValueError(name, `a number > 0, of at least ${least} in ${dtype}`, describe(eps));
  return eps;
}

/** Checks the states that a call is given. @throws ShapeError, DtypeError, ValueError, DisposedError */
export function checkStates<T extends Tensor>(
  backend: Backend<T>,
  { initialState, finalState }: LayerOptions<T>,
  form: StateForm,
  dtype: Dtype,
): void {
  if (initialState !== undefined) checkSized(backend, "initialState", initialState, stateShape(form), dtype);
  if (finalState !== undefined && typeof finalState !== "boolean")
    checkSized(backend, "finalState", finalState, stateShape(form), dtype);
}

/** Checks that a tensor is of this backend, alive, and of this dtype and shape. @throws ShapeError, DtypeError, ValueError, DisposedError */
export function checkSized<T extends Tensor>(
  backend: Backend<T>,
  name: string,
  t: T,
  shape: Shape,
  dtype: Dtype,
): void {
  checkReadable(backend, name, t);
  if (t.dtype !== dtype) throw new DtypeError(name, dtype, t.dtype);
  if (t.shape.some((size, axis) => size !== shape[axis]))
    throw new ShapeError(name, shape.join(" × "), t.shape.join(" × "));
}

/** Checks the cotangents of a layer's results. @throws ShapeError, DtypeError, ValueError, DisposedError */
export function checkCotangents<T extends Tensor>(
  backend: Backend<T>,
  cotangents: Cotangents<T>,
  {
    batch,
    tokens,
    outHeads,
    valueWidth,
    form,
    dtype,
  }: {
    readonly batch: number;
    readonly tokens: number;
    readonly outHeads: number;
    readonly valueWidth: number;
    readonly form: StateForm;
    readonly dtype: Dtype;
  },
): void {
  if (cotangents === undefined) throw new ValueError("cotangents", "{ output, finalState }", "undefined");
  checkOptions("cotangents", cotangents, ["output", "finalState"]);
  const { output, finalState } = cotangents;
  if (output !== undefined) {
    checkSized(backend, "cotangents.output", output, [batch, tokens, outHeads * valueWidth], dtype);
    if (output.layout.heads !== 1)
      throw new ShapeError("cotangents.output", "one head a sequence", `${output.layout.heads} heads`);
  }
  if (finalState !== undefined)
    checkSized(backend, "cotangents.finalState", finalState, stateShape(form), dtype);
}
