import { applyVjp, solveVjp, type Tensor } from "@dlrt/core";
import { product, sum, sumHeads } from "./elementwise.js";
import { operandsOf, type MixBack, type MixCall, type Operands, type Operator } from "./operands.js";
import type { Packed } from "./packed.js";
import type { Scope } from "./scope.js";
import { statesOf } from "./states.js";
import type { Tape, Value } from "./tape.js";

/** The gradients of all rows of a kind, named as the operator's gradients are. */
interface RowGradients<T extends Tensor> {
  readonly q: Packed<T>;
  readonly k: Packed<T>;
  readonly diag: Packed<T>;
  readonly right: Packed<T>;
  readonly decay: Packed<T> | undefined;
}

/**
 * Computes the gradients of a call of `mix` from the cotangents of its output and of the final state, by the gradients
 * of its two operations.
 */
export function mixBack<T extends Tensor>(
  tape: Tape<T>,
  rows: Operator<T>,
  call: MixCall<T> & { readonly lambda: Packed<T>; readonly corrections: Packed<T> },
  back: MixBack<T>,
  cotangent: Packed<T>,
): void {
  const { scope } = tape;
  const { query, key, erase, written, decay } = rows;
  const { stateHeads, outHeads, initialState, lambda, corrections } = call;
  const [batch, count] = query.tensor.shape;
  const rowGradients = (heads: number): RowGradients<T> => {
    const make = (width: number): Packed<T> => scope.packed(batch, count, heads, width);
    return {
      q: make(key.width),
      k: make(key.width),
      diag: make(1),
      right: make(written.width),
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
  for (const piece of call.pieces) {
    const at = operandsOf(scope, rows, lambda, call, piece);
    const final = back.finalStateCotangent;
    applyVjp(scope.backend, at.reader(), at.rows(corrections, outHeads), at.rows(cotangent, outHeads), {
      alpha: call.scale,
      initialState: at.initial(outHeads),
      finalStateCotangent: final && statesOf(scope, final, piece, outHeads, outHeads),
      out: {
        ...into(at, read, outHeads),
        x: at.rows(read.right, outHeads),
        ...(readState && { initialState: statesOf(scope, readState, piece, outHeads, outHeads) }),
      },
    });
  }
  const own = (x: Packed<T>, value: Value<T>) => tape.gather(value, () => sumHeads(scope, x, value.heads));
  own(read.q, query);
  own(read.k, key);
  own(product(scope, read.diag, key), query);
  own(product(scope, read.diag, query), key);
  if (decay) own(read.decay!, decay);
  if (back.initialState && readState) sumStates(scope, readState, stateHeads, outHeads, back.initialState);

  if (!erase) return own(read.right, written);
  const erased = rowGradients(stateHeads);
  const solveState = stateGradient(stateHeads);
  const bar = sumHeads(scope, read.right, stateHeads);
  for (const piece of call.pieces) {
    const at = operandsOf(scope, rows, lambda, call, piece);
    solveVjp(scope.backend, at.eraser(), at.rows(corrections, stateHeads), at.rows(bar, stateHeads), {
      initialState: at.initial(stateHeads),
      out: {
        ...into(at, erased, stateHeads),
        b: at.rows(erased.right, stateHeads),
        ...(solveState && { initialState: statesOf(scope, solveState, piece, stateHeads, stateHeads) }),
      },
    });
  }
  own(erased.q, erase);
  own(erased.k, key);
  own(erased.right, written);
  if (decay) own(erased.decay!, decay);
  if (back.initialState && solveState) addTo(scope, back.initialState, solveState);
}

/** Regards states as an array of one sequence: a state is a token whose columns are its elements. */
const asTokens = <T extends Tensor>(scope: Scope<T>, states: T, heads: number): Packed<T> => {
  const [count, rank, cols] = states.shape;
  const width = rank * cols;
  const layout = { offset: 0, heads: 1, shared: 1, batch: 0, head: 0, row: heads * width };
  return { tensor: scope.backend.view(states, [1, count / heads, heads * width], layout), heads, width };
};

/** Sums the gradient of states that several heads of the output read: to ← their sums, where `to` has no gaps. */
export function sumStates<T extends Tensor>(
  scope: Scope<T>,
  from: T,
  stateHeads: number,
  outHeads: number,
  to: T,
): void {
  const { tensor } = sumHeads(scope, asTokens(scope, from, outHeads), stateHeads);
  scope.copy(tensor, asTokens(scope, to, stateHeads).tensor);
}

/** Adds `more` to `to`. Both are states of one shape without gaps. */
export function addTo<T extends Tensor>(scope: Scope<T>, to: T, more: T): void {
  const { tensor } = sum(scope, asTokens(scope, to, 1), asTokens(scope, more, 1));
  scope.copy(tensor, asTokens(scope, to, 1).tensor);
}
