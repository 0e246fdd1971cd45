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

/** The eps of `normalizeKeys`; undefined: keys are taken as they are. @throws ValueError */
export function checkEps(normalizeKeys: LayerOptions["normalizeKeys"]): number | undefined {
  if (normalizeKeys === undefined || normalizeKeys === false) return undefined;
  if (normalizeKeys === true) return 1e-6;
  checkOptions("normalizeKeys", normalizeKeys, ["eps"]);
  const { eps } = normalizeKeys;
  if (!Number.isFinite(eps) || eps < 0)
    throw new ValueError("normalizeKeys.eps", "a number ≥ 0", describe(eps));
  return eps;
}

/** @throws ShapeError, DtypeError, ValueError, DisposedError */
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

function checkSized<T extends Tensor>(
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

/** @throws ShapeError, DtypeError, ValueError, DisposedError */
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
