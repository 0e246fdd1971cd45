import { apply, solve, type DiagLowRankTril, type Tensor } from "@dlrt/core";
import type { MixCall, Operator } from "../engine/operands.js";
import { rowsOf, type Packed, type Piece } from "../engine/packed.js";
import { rowsFrom } from "../engine/products.js";
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
      solveTransition(scope, rows, stateHeads, piece, {
        from: states(to.identity),
        into: states(to.transition),
      });
    } else {
      const op = { q: view(key), k: view(key), decay: gaps };
      apply(backend, op, view(written), { finalState: states(to.state), out: ignored(written.width) });
      if (decay) decayDiagonal(scope, op, piece, states(to.transition));
    }
  }
}

/** Rows after which what has decayed away is cleared. */
const SEGMENT = 256;

/**
 * The final state from `from` when nothing is written. Nothing refreshes it, so under decay it passes through subnormal numbers on
 * its way to 0, on which processors are slow (14 times, of a piece of 2048 tokens in wasm). Every 256 rows it is therefore
 * rounded to multiples of 2⁻⁶⁹, which leaves it exact or off by no more than that; no piece without decay is cut.
 */
function solveTransition<T extends Tensor>(
  scope: Scope<T>,
  { key, erase, decay }: Operator<T>,
  stateHeads: number,
  piece: Piece,
  { from, into }: { readonly from: T; readonly into: T },
): void {
  const { backend, dtype } = scope;
  const [count, , width] = from.shape;
  const cut = decay !== undefined && dtype === "f32" && !backend.supports.flushesSubnormals;
  const most = cut ? Math.min(SEGMENT, piece.rows) : piece.rows;
  const out = scope.empty([count, most, width]);
  const spare = most < piece.rows ? scope.empty(into.shape) : undefined;
  let at = 0;
  do {
    const part = { ...piece, start: piece.start + at, rows: Math.min(most, piece.rows - at) };
    const view = (x: Packed<T>): T => rowsOf(backend, x, part, stateHeads);
    const diag = scope.repeated(1, [count, part.rows, 1]);
    const op = { diag, q: view(erase!), k: view(key), decay: decay && view(decay) };
    solve(backend, op, scope.repeated(0, [count, part.rows, width]), {
      initialState: at === 0 ? from : into,
      finalState: into,
      out: rowsFrom(scope, out, 0, part.rows),
    });
    at += part.rows;
    if (spare && at < piece.rows) clearTiny(scope, into, spare);
  } while (at < piece.rows);
}

/** x ← (x + 2⁻⁴⁶) − 2⁻⁴⁶ in f32. */
function clearTiny<T extends Tensor>(scope: Scope<T>, x: T, spare: T): void {
  const [count, rank, width] = x.shape;
  const added = (to: T, of: T, c: number): T => {
    const one = scope.repeated(1, [count, rank, 1]);
    const initialState = scope.repeated(c, [count, 1, width]);
    return apply(scope.backend, { diag: one, q: one, k: scope.repeated(0, [count, rank, 1]) }, of, {
      initialState,
      out: to,
    });
  };
  added(x, added(spare, x, 2 ** -46), -(2 ** -46));
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
