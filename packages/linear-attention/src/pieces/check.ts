import { ShapeError, ValueError, type Backend, type Shape, type Tensor } from "@dlrt/core";
import { checkCount, checkOptions, checkReadable } from "@dlrt/core/backend";
import { checkSized } from "../engine/check-options.js";

/** The cotangent of the only result of a small piece. */
export interface OutputCotangent<T extends Tensor = Tensor> {
  /** Shaped as the result. Where it is absent, it counts as 0 */
  readonly output?: T | undefined;
}

/** A gradient for every input that was given, of its shape. */
export type PieceGradients<Inputs> = { readonly [name in keyof Inputs]: Inputs[name] };

/**
 * Checks the names of the inputs, and that the first of them is a packed array, by whose sizes the others are checked.
 * @returns that array
 * @throws ValueError, ShapeError, DisposedError
 */
export function checkFirst<T extends Tensor>(
  backend: Backend<T>,
  inputs: object,
  names: readonly string[],
): T {
  if (inputs === undefined) throw new ValueError("inputs", names.join(", "), "undefined");
  checkOptions("inputs", inputs, names);
  const name = names[0]!;
  const first = (inputs as Record<string, T>)[name]!;
  checkReadable(backend, name, first);
  checkOneHead(name, first);
  return first;
}

/** Checks a packed array of this shape and of the dtype of another one. @throws ShapeError, DtypeError, ValueError, DisposedError */
export function checkPacked<T extends Tensor>(
  backend: Backend<T>,
  name: string,
  t: T,
  shape: Shape,
  { dtype }: T,
): void {
  checkSized(backend, name, t, shape, dtype);
  checkOneHead(name, t);
}

/** @throws ShapeError for a view by heads, where the packed array itself is meant */
function checkOneHead(name: string, { layout }: Tensor): void {
  if (layout.heads !== 1)
    throw new ShapeError(name, "one head a sequence: the packed array itself", `${layout.heads} heads`);
}

/** Checks into how many heads the columns of an input are cut, and returns that number. @throws ValueError, ShapeError */
export function checkHeadCount(heads: number, name: string, { shape }: Tensor): number {
  checkCount("heads", heads);
  if (shape[2] % heads !== 0)
    throw new ShapeError(name, `columns in a multiple of ${heads} heads`, `${shape[2]} columns`);
  return heads;
}

/** Checks the cotangent of a result that is shaped as `x`. @throws ShapeError, DtypeError, ValueError, DisposedError */
export function checkOutputCotangent<T extends Tensor>(
  backend: Backend<T>,
  cotangents: OutputCotangent<T>,
  x: T,
): void {
  if (cotangents === undefined) throw new ValueError("cotangents", "{ output }", "undefined");
  checkOptions("cotangents", cotangents, ["output"]);
  if (cotangents.output !== undefined)
    checkPacked(backend, "cotangents.output", cotangents.output, x.shape, x);
}
