import { apply, solve, type DiagLowRankTril, type Tensor } from "@dlrt/core";
import type { MixCall, OperatorRows } from "../engine/operands.js";
import { rowsOf, type Packed, type Span } from "../engine/packed.js";
import { rowsFrom } from "../engine/products.js";
import type { Scope } from "../engine/scope.js";
import { statesOf } from "../engine/states.js";

/** The tensors that receive the map S ↦ A S + B of the rows, in the form in which the engine has states, and the one it begins with. */
export interface MapTargets<T extends Tensor> {
  /** The first K columns of the identity, [N·heads, rank, K]. */
  readonly identity: T;
  /** Receives A, [N·heads, rank, K]. Where nothing is erased, only its diagonal is written, and it must hold the identity before. */
  readonly transition: T;
  /** Receives B, [N·heads, rank, V]. */
  readonly state: T;
}

/**
 * Computes the map S ↦ A S + B of what the rows do to the state. B is the final state that they reach from 0, and A the one that they reach
 * from the identity when they write nothing. Where the rows erase, both are final states of the corrections' `solve`, so that no query is
 * read. Where they do not, A is diagonal, with the product of all decays of a channel, which a state of a single column shows.
 */
export function mapRows<T extends Tensor>(
  scope: Scope<T>,
  rows: OperatorRows<T>,
  { stateHeads, spans }: MixCall<T>,
  to: MapTargets<T>,
): void {
  const { backend } = scope;
  const { key, eraseRows, writeRows, decay } = rows;
  for (const span of spans) {
    const count = span.batch * stateHeads;
    const view = (x: Packed<T>): T => rowsOf(backend, x, span, stateHeads);
    const states = (of: T): T => statesOf(scope, of, span, stateHeads, stateHeads);
    const ignored = (width: number): T => scope.empty([count, span.rows, width]);
    const spanDecay = decay && view(decay);
    if (eraseRows) {
      const one = scope.repeated(1, [count, span.rows, 1]);
      const op = { diag: one, q: view(eraseRows), k: view(key), decay: spanDecay };
      solve(backend, op, view(writeRows), { finalState: states(to.state), out: ignored(writeRows.width) });
      solveTransition(scope, rows, stateHeads, span, {
        from: states(to.identity),
        into: states(to.transition),
      });
    } else {
      const op = { q: view(key), k: view(key), decay: spanDecay };
      apply(backend, op, view(writeRows), { finalState: states(to.state), out: ignored(writeRows.width) });
      if (decay) decayDiagonal(scope, op, span, states(to.transition));
    }
  }
}

/** How many rows are computed before what has decayed away is cleared. */
const SEGMENT = 256;

/**
 * Computes the final state that the rows of a span reach from `from` when they write nothing. Nothing refreshes that state, so under decay
 * it passes through subnormal numbers on its way to 0, on which processors are slow: a span of 2048 tokens took 14 times as long in wasm.
 * In f32, where the backend does not flush them, it is therefore rounded to multiples of 2⁻⁶⁹ every 256 rows, which leaves it exact or off
 * by no more than that. Without decay it is computed in one go.
 */
function solveTransition<T extends Tensor>(
  scope: Scope<T>,
  { key, eraseRows, decay }: OperatorRows<T>,
  stateHeads: number,
  span: Span,
  { from, into }: { readonly from: T; readonly into: T },
): void {
  const { backend, dtype } = scope;
  const [count, , width] = from.shape;
  const cut = decay !== undefined && dtype === "f32" && !backend.supports.flushesSubnormals;
  const most = cut ? Math.min(SEGMENT, span.rows) : span.rows;
  const out = scope.empty([count, most, width]);
  const spare = most < span.rows ? scope.empty(into.shape) : undefined;
  let at = 0;
  do {
    const part = { ...span, start: span.start + at, rows: Math.min(most, span.rows - at) };
    const view = (x: Packed<T>): T => rowsOf(backend, x, part, stateHeads);
    const diag = scope.repeated(1, [count, part.rows, 1]);
    const op = { diag, q: view(eraseRows!), k: view(key), decay: decay && view(decay) };
    solve(backend, op, scope.repeated(0, [count, part.rows, width]), {
      initialState: at === 0 ? from : into,
      finalState: into,
      out: rowsFrom(scope, out, 0, part.rows),
    });
    at += part.rows;
    if (spare && at < span.rows) clearTiny(scope, into, spare);
  } while (at < span.rows);
}

/**
 * Computes x ← (x + 2⁻⁴⁶) − 2⁻⁴⁶ in f32, which makes multiples of 2⁻⁶⁹ of what is smaller than 2⁻⁴⁶. Each sum is an `apply` that adds its
 * initial state to every row. @param spare is a tensor as large as x
 */
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

/**
 * Writes diag(exp(Σ g)), the sum being over the rows of the span, onto the diagonal of A, [batch·heads, rank, rank]. The factors are the final
 * state of a single column of ones to which nothing is written.
 */
function decayDiagonal<T extends Tensor>(
  scope: Scope<T>,
  op: DiagLowRankTril<T>,
  { rows }: Span,
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
