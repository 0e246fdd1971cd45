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
import { multiply } from "../engine/products.js";
import { withScope } from "../engine/scope.js";

/** What a piece of a sequence does to a head's state S, [K, V]: S ↦ A S + B. */
export interface ChunkSummary<T extends Tensor = Tensor> {
  /** A, [N·heads, K, K] */
  readonly transition: T;
  /** B, [N·heads, K, V] */
  readonly state: T;
}

/**
 * Computes the summary of two pieces of which `second` follows `first`: (A₂ A₁, A₂ B₁ + B₂). It is associative but for rounding. Summaries of
 * `chunkSummaryVjp` go backwards, so of them that of the later piece is `first`.
 * @returns two new tensors, the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function composeSummaries<T extends Tensor>(
  backend: Backend<T>,
  first: ChunkSummary<T>,
  second: ChunkSummary<T>,
): ChunkSummary<T> {
  const shape = checkSummary(backend, "first", first);
  checkSame("second.state", checkSummary(backend, "second", second, first.state.dtype), shape);
  return withScope(backend, first.state.dtype, (scope) => {
    const transition = multiply(scope, second.transition, first.transition);
    const state = multiply(scope, second.transition, first.state, { plus: second.state });
    return { transition: scope.release(transition), state: scope.release(state) };
  });
}

/**
 * Computes A S + B, the state after a piece from the state S before it; or, with a summary of `chunkSummaryVjp`, the cotangent of the state
 * before the piece from that of the state after it.
 * @param state is S, [N·heads, K, V]
 * @returns a new tensor, the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function applySummary<T extends Tensor>(backend: Backend<T>, summary: ChunkSummary<T>, state: T): T {
  const shape = checkSummary(backend, "summary", summary);
  const { dtype } = summary.state;
  checkReadable(backend, "state", state);
  if (state.dtype !== dtype) throw new DtypeError("state", dtype, state.dtype);
  checkSame("state", state.shape, shape);
  return withScope(backend, dtype, (scope) =>
    scope.release(multiply(scope, summary.transition, state, { plus: summary.state })),
  );
}

/** Checks a summary, and returns the shape of its B. @throws ValueError, ShapeError, DtypeError, DisposedError */
export function checkSummary<T extends Tensor>(
  backend: Backend<T>,
  name: string,
  summary: ChunkSummary<T>,
  dtype?: Dtype,
): Shape {
  if (typeof summary !== "object" || summary === null)
    throw new ValueError(name, "a summary { transition, state }", describe(summary));
  checkOptions(name, summary, ["transition", "state"]);
  const { transition, state } = summary;
  checkReadable(backend, `${name}.transition`, transition);
  checkReadable(backend, `${name}.state`, state);
  if (dtype !== undefined && state.dtype !== dtype) throw new DtypeError(`${name}.state`, dtype, state.dtype);
  if (transition.dtype !== state.dtype)
    throw new DtypeError(`${name}.transition`, state.dtype, transition.dtype);
  const [count, rank] = state.shape;
  checkSame(`${name}.transition`, transition.shape, [count, rank, rank]);
  return state.shape;
}

function checkSame(name: string, got: Shape, expected: Shape): void {
  if (got.some((size, axis) => size !== expected[axis]))
    throw new ShapeError(name, expected.join(" × "), got.join(" × "));
}
