import { applyVjp, solveVjp, type Tensor } from "@dlrt/core";
import { product, sumHeads } from "./elementwise.js";
import {
  operandsOf,
  type BackwardStates,
  type MixCall,
  type Operands,
  type OperatorRows,
} from "./operands.js";
import type { Packed } from "./packed.js";
import { addTo, sumStates } from "./state-sums.js";
import { statesOf } from "./states.js";
import type { Tape, Value } from "./tape.js";

/** The gradients of one of the two operations, of all rows, named as core names the gradients of its operator. */
interface RowGradients<T extends Tensor> {
  readonly q: Packed<T>;
  readonly k: Packed<T>;
  readonly diag: Packed<T>;
  /** The gradient of what the operator is applied to, or solved for. */
  readonly right: Packed<T>;
  readonly decay: Packed<T> | undefined;
}

/**
 * Computes the gradients of a call of `mix` that was composed of core's `solve` and `apply`, by the gradients of these: first back through
 * `apply`, which gives the cotangent of the corrections, then back through `solve`.
 * @param cotangent is that of the output, with `outHeads` heads
 */
export function mixBack<T extends Tensor>(
  tape: Tape<T>,
  rows: OperatorRows<T>,
  call: MixCall<T> & { readonly lambda: Packed<T>; readonly corrections: Packed<T> },
  back: BackwardStates<T>,
  cotangent: Packed<T>,
): void {
  const { scope } = tape;
  const { query, key, eraseRows, writeRows, decay } = rows;
  const { stateHeads, outHeads, initialState, lambda, corrections } = call;
  const [batch, count] = query.tensor.shape;
  const rowGradients = (heads: number): RowGradients<T> => {
    const make = (width: number): Packed<T> => scope.packed(batch, count, heads, width);
    return {
      q: make(key.width),
      k: make(key.width),
      diag: make(1),
      right: make(writeRows.width),
      decay: decay && make(decay.width),
    };
  };
  const stateGradient = (heads: number): T | undefined =>
    initialState &&
    scope.empty([(initialState.shape[0] / stateHeads) * heads, initialState.shape[1], initialState.shape[2]]);
  const into = (at: Operands<T>, g: RowGradients<T>, heads: number) => ({
    q: at.rows(g.q, heads),
    k: at.rows(g.k, heads),
    diag: at.rows(g.diag, heads),
    ...(g.decay && { decay: at.rows(g.decay, heads) }),
  });

  const read = rowGradients(outHeads);
  const readState = stateGradient(outHeads);
  for (const span of call.spans) {
    const at = operandsOf(scope, rows, lambda, call, span);
    const final = back.finalStateCotangent;
    applyVjp(scope.backend, at.reader(), at.rows(corrections, outHeads), at.rows(cotangent, outHeads), {
      alpha: call.scale,
      initialState: at.initial(outHeads),
      finalStateCotangent: final && statesOf(scope, final, span, outHeads, outHeads),
      out: {
        ...into(at, read, outHeads),
        x: at.rows(read.right, outHeads),
        ...(readState && { initialState: statesOf(scope, readState, span, outHeads, outHeads) }),
      },
    });
  }
  const gather = (x: Packed<T>, value: Value<T>) => tape.gather(value, () => sumHeads(scope, x, value.heads));
  gather(read.q, query);
  gather(read.k, key);
  gather(product(scope, read.diag, key), query);
  gather(product(scope, read.diag, query), key);
  if (decay) gather(read.decay!, decay);
  const { initialStateGradient } = back;
  if (initialStateGradient && readState)
    sumStates(scope, readState, stateHeads, outHeads, initialStateGradient);

  if (!eraseRows) return gather(read.right, writeRows);
  const erased = rowGradients(stateHeads);
  const solveState = stateGradient(stateHeads);
  const correctionsCotangent = sumHeads(scope, read.right, stateHeads);
  for (const span of call.spans) {
    const at = operandsOf(scope, rows, lambda, call, span);
    const cotangents = at.rows(correctionsCotangent, stateHeads);
    solveVjp(scope.backend, at.eraser(), at.rows(corrections, stateHeads), cotangents, {
      initialState: at.initial(stateHeads),
      out: {
        ...into(at, erased, stateHeads),
        b: at.rows(erased.right, stateHeads),
        ...(solveState && { initialState: statesOf(scope, solveState, span, stateHeads, stateHeads) }),
      },
    });
  }
  gather(erased.q, eraseRows);
  gather(erased.k, key);
  gather(erased.right, writeRows);
  if (decay) gather(erased.decay!, decay);
  if (initialStateGradient && solveState) addTo(scope, initialStateGradient, solveState);
}
