import type { DiagLowRankTril, Tensor } from "@dlrt/core";
import { rowsOf, type Packed, type Span } from "./packed.js";
import type { Scope } from "./scope.js";
import { statesOf } from "./states.js";
import type { Value } from "./tape.js";

/**
 * What every layer maps its inputs to, row by row: how the state decays, what is erased from it, what is written to it, and what the query
 * reads of it. Each array is [B, T·rows, heads·columns], `rows` being the engine's rows for one token.
 */
export interface Mix<T extends Tensor> {
  readonly query: Value<T>;
  /** k, the key along which a row writes. */
  readonly key: Value<T>;
  readonly value: Value<T>;
  /**
   * e, with one column for each head or as many as the key: the row erases what the state holds along P = e ∘ k. Where
   * neither this nor `eraseRows` is given, nothing is erased.
   */
  readonly erase?: Value<T> | undefined;
  /**
   * p, an erase key of the layer's own: P is e ∘ p, and reads the state before its row decays. Only a kernel computes that (see
   * `Rule.withoutScratch`).
   */
  readonly eraseKey?: Value<T> | undefined;
  /** P itself, where it is no product of a gate and the key. */
  readonly eraseRows?: Value<T> | undefined;
  /**
   * w, with one column for each head or as many as the value: the row writes w ∘ v. Default: `erase`, which is then the
   * layer's β; where that is not given either, the row writes v.
   */
  readonly write?: Value<T> | undefined;
  /**
   * g, the natural logarithm of the factor by which the state decays before the row reads and writes it, with one column for each head or
   * as many as the key. Absent: the state does not decay.
   */
  readonly decay?: Value<T> | undefined;
}

/** The same rows as operands of core's `solve` and `apply`, with the gates multiplied in. */
export interface OperatorRows<T extends Tensor> {
  readonly query: Value<T>;
  readonly key: Value<T>;
  /** P. Absent where nothing is erased, so that no system has to be solved. */
  readonly eraseRows: Value<T> | undefined;
  /** W, the right-hand side of that system: β v, w ∘ v, or v. */
  readonly writeRows: Value<T>;
  readonly decay: Value<T> | undefined;
}

/** A tensor for every span of a call, in which the kernel keeps something of that span; undefined where it keeps nothing. */
export type KeptTensors<T extends Tensor> = (T | undefined)[];

/** All that a call of the engine has beside its rows. */
export interface MixCall<T extends Tensor> {
  /** The output is multiplied by this. */
  readonly scale: number;
  /** The heads of the state. */
  readonly stateHeads: number;
  /** The heads of the output. */
  readonly outHeads: number;
  readonly spans: readonly Span[];
  /** [N·stateHeads, rank, V] */
  readonly initialState?: T | undefined;
  /** [N·stateHeads, rank, V] */
  readonly finalState?: T | undefined;
  /** Receives in the forward pass, and holds in the backward pass, what kernels keep of each span. Absent where nothing is kept. */
  readonly kept?: KeptTensors<T> | undefined;
}

/** The cotangent of the final state, which the backward pass takes, and the gradient of the initial state, which it gives. */
export interface BackwardStates<T extends Tensor> {
  /** [N·outHeads, rank, V] */
  readonly finalStateCotangent?: T | undefined;
  /** Receives the gradient of the initial state, [N·stateHeads, rank, V]. */
  readonly initialStateGradient?: T | undefined;
}

/** The operands of one span as views. Their batch entries are heads, `heads` for each sequence. */
export interface Operands<T extends Tensor> {
  /** Returns the rows of the span, [batch·heads, rows, columns]. */
  rows(x: Packed<T>, heads: number): T;
  /** Returns the states in which the span begins, [batch·heads, rank, V]; undefined where they are 0. */
  initial(heads: number): T | undefined;
  /** Makes the operator I + tril(P Kᵀ, −1) that is solved for the corrections. Its entries are the heads of the state. */
  eraser(): DiagLowRankTril<T>;
  /** Makes the operator diag(q·k) + tril(Q Kᵀ, −1) that is applied to the corrections. Its entries are the heads of the output. */
  reader(): DiagLowRankTril<T>;
}

/** @param lambda holds q·k of each row, with one column for each head of the output or a divisor of them */
export function operandsOf<T extends Tensor>(
  scope: Scope<T>,
  { query, key, eraseRows, decay }: OperatorRows<T>,
  lambda: Packed<T>,
  { stateHeads, outHeads, initialState }: MixCall<T>,
  span: Span,
): Operands<T> {
  const view = (x: Packed<T>, heads: number): T => rowsOf(scope.backend, x, span, heads);
  return {
    rows: view,
    initial: (heads: number): T | undefined =>
      initialState && statesOf(scope, initialState, span, stateHeads, heads),
    eraser: (): DiagLowRankTril<T> => ({
      diag: scope.repeated(1, [span.batch * stateHeads, span.rows, 1]),
      q: view(eraseRows!, stateHeads),
      k: view(key, stateHeads),
      decay: decay && view(decay, stateHeads),
    }),
    reader: (): DiagLowRankTril<T> => ({
      diag: view(lambda, outHeads),
      q: view(query, outHeads),
      k: view(key, outHeads),
      decay: decay && view(decay, outHeads),
    }),
  };
}
