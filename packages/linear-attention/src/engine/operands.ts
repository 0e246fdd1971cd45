import type { DiagLowRankTril, Tensor } from "@dlrt/core";
import { rowsOf, type Packed, type Piece } from "./packed.js";
import type { Scope } from "./scope.js";
import { statesOf } from "./states.js";
import type { Value } from "./tape.js";

/** What every layer comes down to: rows that erase, write, and are read by the query. */
export interface Mix<T extends Tensor> {
  readonly query: Value<T>;
  /** The write key. */
  readonly key: Value<T>;
  readonly value: Value<T>;
  /** e, one column a head or as many as the key: the erase key is P = e ∘ k. Without it and `erased` nothing is erased. */
  readonly erase?: Value<T> | undefined;
  /** p: P is e ∘ p, and reads the state before its row decays. For the kernel alone: see `Rule.direct`. */
  readonly eraseKey?: Value<T> | undefined;
  /** P itself, where it is no product with the write key. */
  readonly erased?: Value<T> | undefined;
  /** w, one column a head or as many as the value: w ∘ v is written. Default: `erase`, which is β then; without it v is. */
  readonly write?: Value<T> | undefined;
  /** One column a head, or as many as the key has. */
  readonly decay?: Value<T> | undefined;
}

/** The same as operands of `solve` and `apply`, with the gates multiplied in. */
export interface Operator<T extends Tensor> {
  readonly query: Value<T>;
  readonly key: Value<T>;
  /** P; absent: no system is solved. */
  readonly erase: Value<T> | undefined;
  /** The right-hand side: βv, w∘v, or v. */
  readonly written: Value<T>;
  readonly decay: Value<T> | undefined;
}

/** A tensor for every piece of a call, where the kernel keeps something of it. */
export type KeptTensors<T extends Tensor> = (T | undefined)[];

/** All that a call of the engine knows beside the rows. */
export interface MixCall<T extends Tensor> {
  readonly scale: number;
  /** Heads of the state and of the output. */
  readonly stateHeads: number;
  readonly outHeads: number;
  readonly pieces: readonly Piece[];
  /** [N·stateHeads, rank, V] */
  readonly initialState?: T | undefined;
  /** [N·stateHeads, rank, V] */
  readonly finalState?: T | undefined;
  /** Of the pieces: receives what kernels keep of them for the way back, and on the way back has it. Absent: nothing is kept. */
  readonly kept?: KeptTensors<T> | undefined;
}

/** What the way back needs and gives beside the rows' gradients. */
export interface MixBack<T extends Tensor> {
  /** [N·outHeads, rank, V] */
  readonly finalStateCotangent?: T | undefined;
  /** Receives the gradient of the initial state, [N·stateHeads, rank, V]. */
  readonly initialState?: T | undefined;
}

/** The operands of one piece as views, entries of so many heads a sequence. */
export interface Operands<T extends Tensor> {
  rows(x: Packed<T>, heads: number): T;
  initial(heads: number): T | undefined;
  /** Solved for the corrections, entries of `stateHeads`. */
  eraser(): DiagLowRankTril<T>;
  /** Applied to them, entries of `outHeads`. */
  reader(): DiagLowRankTril<T>;
}

export function operandsOf<T extends Tensor>(
  scope: Scope<T>,
  { query, key, erase, decay }: Operator<T>,
  lambda: Packed<T>,
  { stateHeads, outHeads, initialState }: MixCall<T>,
  piece: Piece,
): Operands<T> {
  const view = (x: Packed<T>, heads: number): T => rowsOf(scope.backend, x, piece, heads);
  return {
    rows: view,
    initial: (heads: number): T | undefined =>
      initialState && statesOf(scope, initialState, piece, stateHeads, heads),
    eraser: (): DiagLowRankTril<T> => ({
      diag: scope.repeated(1, [piece.batch * stateHeads, piece.rows, 1]),
      q: view(erase!, stateHeads),
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
