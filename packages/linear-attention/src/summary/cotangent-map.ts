import { apply, solve, type Tensor } from "@dlrt/core";
import { dot, sumHeads } from "../engine/elementwise.js";
import { addTo, sumStates } from "../engine/state-sums.js";
import type { MixCall, OperatorRows } from "../engine/operands.js";
import { rowsOf, type Packed } from "../engine/packed.js";
import type { Scope } from "../engine/scope.js";
import { statesOf } from "../engine/states.js";

/**
 * Computes C, the cotangent of the state before the rows that comes back through their output alone, from the cotangent Ō of that output.
 * It is what the transposed operations, which walk from the last row to the first, leave in their final states:
 *
 *     Ū = scale · applyᵀ(q·k, q, k, g; Ō), which ends in R;     solveᵀ(1, P, k, g; Ū), which ends in D;     C = scale · R − D
 *
 * D is 0 where nothing is erased. No gradient of the rows is computed.
 * @param to receives C, [N·stateHeads, rank, V]
 */
export function cotangentRows<T extends Tensor>(
  scope: Scope<T>,
  { query, key, eraseRows, writeRows, decay }: OperatorRows<T>,
  { stateHeads, outHeads, scale, spans }: MixCall<T>,
  cotangent: Packed<T>,
  to: T,
): void {
  const { backend } = scope;
  const [batch, count] = query.tensor.shape;
  const [states, rank, cols] = to.shape;
  const lambda = dot(scope, query, key);
  const readCotangent = scope.packed(batch, count, outHeads, writeRows.width);
  const readStates = scope.empty([(states / stateHeads) * outHeads, rank, cols]);
  for (const span of spans) {
    const view = (x: Packed<T>): T => rowsOf(backend, x, span, outHeads);
    const op = { diag: view(lambda), q: view(query), k: view(key), decay: decay && view(decay) };
    apply(backend, op, view(cotangent), {
      trans: true,
      alpha: scale,
      finalState: statesOf(scope, readStates, span, outHeads, outHeads),
      out: view(readCotangent),
    });
  }
  const scaled = scope.copy(readStates, scope.empty(readStates.shape), { alpha: scale });
  sumStates(scope, scaled, stateHeads, outHeads, to);
  if (!eraseRows) return;
  const correctionsCotangent = sumHeads(scope, readCotangent, stateHeads);
  const erasedStates = scope.empty(to.shape);
  for (const span of spans) {
    const view = (x: Packed<T>): T => rowsOf(backend, x, span, stateHeads);
    const one = scope.repeated(1, [span.batch * stateHeads, span.rows, 1]);
    const op = { diag: one, q: view(eraseRows), k: view(key), decay: decay && view(decay) };
    solve(backend, op, view(correctionsCotangent), {
      trans: true,
      finalState: statesOf(scope, erasedStates, span, stateHeads, stateHeads),
      out: scope.empty([span.batch * stateHeads, span.rows, cols]),
    });
  }
  addTo(scope, to, scope.copy(erasedStates, scope.empty(erasedStates.shape), { alpha: -1 }));
}
