import { apply, solve, type DiagLowRankTril, type Tensor } from "@dlrt/core";
import type { MixCall, Operator } from "../engine/operands.js";
import { rowsOf, type Packed, type Piece } from "../engine/packed.js";
import type { Scope } from "../engine/scope.js";
import { statesOf } from "../engine/states.js";

/** Where the map of the rows' state S ↦ A S + B goes, both as the engine keeps states: [N·heads, rank, K] and [N·heads, rank, V]. */
export interface MapTargets<T extends Tensor> {
  /** The identity's first K columns, [N·heads, rank, K]. */
  readonly identity: T;
  readonly transition: T;
  readonly state: T;
}

/**
 * Computes the map of the rows of a piece. B is the final state from nothing, A that from the identity when nothing is written. With an
 * erase key the corrections' solve has both as its final states, so that no query is read; without one A is the diagonal of the
 * decays of all rows, which a single column shows.
 */
export function mapRows<T extends Tensor>(
  scope: Scope<T>,
  rows: Operator<T>,
  { stateHeads, pieces }: MixCall<T>,
  to: MapTargets<T>,
): void {
  const { backend } = scope;
  const { key, erase, written, decay } = rows;
  for (const piece of pieces) {
    const count = piece.batch * stateHeads;
    const view = (x: Packed<T>): T => rowsOf(backend, x, piece, stateHeads);
    const states = (of: T): T => statesOf(scope, of, piece, stateHeads, stateHeads);
    const ignored = (width: number): T => scope.empty([count, piece.rows, width]);
    const gaps = decay && view(decay);
    if (erase) {
      const one = scope.repeated(1, [count, piece.rows, 1]);
      const op = { diag: one, q: view(erase), k: view(key), decay: gaps };
      solve(backend, op, view(written), { finalState: states(to.state), out: ignored(written.width) });
      const width = to.identity.shape[2];
      solve(backend, op, scope.repeated(0, [count, piece.rows, width]), {
        initialState: states(to.identity),
        finalState: states(to.transition),
        out: ignored(width),
      });
    } else {
      const op = { q: view(key), k: view(key), decay: gaps };
      apply(backend, op, view(written), { finalState: states(to.state), out: ignored(written.width) });
      if (decay) decayDiagonal(scope, op, piece, states(to.transition));
    }
  }
}

/** A ← diag(exp Σ g), where A holds zeros. */
function decayDiagonal<T extends Tensor>(
  scope: Scope<T>,
  op: DiagLowRankTril<T>,
  { rows }: Piece,
  transition: T,
): void {
  const [count, rank] = transition.shape;
  const factors = scope.empty([count, rank, 1]);
  apply(scope.backend, op, scope.repeated(0, [count, rows, 1]), {
    initialState: scope.repeated(1, [count, rank, 1]),
    finalState: factors,
    out: scope.empty([count, rows, 1]),
  });
  const { layout } = transition;
  const diagonal = { ...layout, offset: 0, row: layout.row + 1 };
  scope.copy(factors, scope.backend.view(transition, [count, rank, 1], diagonal));
}
