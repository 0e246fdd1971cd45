import { apply, solve, type Tensor } from "@dlrt/core";
import { dot, sumHeads } from "../engine/elementwise.js";
import { addTo, sumStates } from "../engine/mix-back.js";
import type { MixCall, Operator } from "../engine/operands.js";
import { rowsOf, type Packed } from "../engine/packed.js";
import type { Scope } from "../engine/scope.js";
import { statesOf } from "../engine/states.js";

/**
 * C, the cotangent of the state before the rows where none comes back from after them, from Ō, that of the output: what is left in
 * the states of the transposed operations, walked from the last row to the first,
 *
 *     Ū = scale · applyᵀ(λ, q, k, g; Ō), which ends in R;     (T⁻ᵀ of the erase key, g)(Ū), which ends in D;     C = scale · R − D
 *
 * without the gradients of the rows, and D = 0 without an erase key.
 * @param to [N·stateHeads, rank, V]
 */
export function cotangentRows<T extends Tensor>(
  scope: Scope<T>,
  { query, key, erase, written, decay }: Operator<T>,
  { stateHeads, outHeads, scale, pieces }: MixCall<T>,
  cotangent: Packed<T>,
  to: T,
): void {
  const { backend } = scope;
  const [batch, count] = query.tensor.shape;
  const [states, rank, cols] = to.shape;
  const lambda = dot(scope, query, key);
  const bar = scope.packed(batch, count, outHeads, written.width);
  const readers = scope.empty([(states / stateHeads) * outHeads, rank, cols]);
  for (const piece of pieces) {
    const view = (x: Packed<T>): T => rowsOf(backend, x, piece, outHeads);
    const op = { diag: view(lambda), q: view(query), k: view(key), decay: decay && view(decay) };
    apply(backend, op, view(cotangent), {
      trans: true,
      alpha: scale,
      finalState: statesOf(scope, readers, piece, outHeads, outHeads),
      out: view(bar),
    });
  }
  const scaled = scope.copy(readers, scope.empty(readers.shape), { alpha: scale });
  sumStates(scope, scaled, stateHeads, outHeads, to);
  if (!erase) return;
  const corrections = sumHeads(scope, bar, stateHeads);
  const erased = scope.empty(to.shape);
  for (const piece of pieces) {
    const view = (x: Packed<T>): T => rowsOf(backend, x, piece, stateHeads);
    const one = scope.repeated(1, [piece.batch * stateHeads, piece.rows, 1]);
    const op = { diag: one, q: view(erase), k: view(key), decay: decay && view(decay) };
    solve(backend, op, view(corrections), {
      trans: true,
      finalState: statesOf(scope, erased, piece, stateHeads, stateHeads),
      out: scope.empty([piece.batch * stateHeads, piece.rows, cols]),
    });
  }
  addTo(scope, to, scope.copy(erased, scope.empty(erased.shape), { alpha: -1 }));
}
