import { apply, solve, type Tensor } from "@dlrt/core";
import { dot } from "./elementwise.js";
import { mixFused } from "./fused.js";
import { fusedKernels } from "./fused-kernels.js";
import { mixBack } from "./mix-back.js";
import { operandsOf, type Mix, type BackwardStates, type MixCall, type OperatorRows } from "./operands.js";
import { finalStatesOf } from "./states.js";
import type { Tape, Value } from "./tape.js";

/**
 * Computes the output of a layer's rows, by the backend's own kernel for it or by two operations of core.
 * @param back is written and read by the backward pass alone
 */
export function mix<T extends Tensor>(
  tape: Tape<T>,
  rows: Mix<T>,
  call: MixCall<T>,
  back: BackwardStates<T> = {},
): Value<T> {
  const kernels = fusedKernels(tape, rows, call);
  if (kernels) return mixFused(tape, kernels, rows, call, back);
  return compose(tape, operatorRows(tape, rows), call, back);
}

/** Multiplies the gates into the rows, which makes operands of them. */
export function operatorRows<T extends Tensor>(
  tape: Tape<T>,
  { query, key, value, erase, eraseRows, write = erase, decay }: Mix<T>,
): OperatorRows<T> {
  return {
    query,
    key,
    eraseRows: erase ? tape.product(key, erase) : eraseRows,
    writeRows: write ? tape.product(value, write) : value,
    decay,
  };
}

/**
 * Computes the output by two operations of core, on the packed arrays as they lie:
 *
 *     U = solve(λ = 1, q = P, k, g; right-hand side W, S₀)          O = scale · apply(λ = rowDot(q, k), q, k, g; U, S₀)
 *
 * U are the corrections, which is what the rows really write. The diagonal of `apply` is there because the query of a row reads what that
 * row has written. Both operations end in the same state. Where nothing is erased, U = W.
 */
function compose<T extends Tensor>(
  tape: Tape<T>,
  rows: OperatorRows<T>,
  call: MixCall<T>,
  back: BackwardStates<T>,
): Value<T> {
  const { scope } = tape;
  const { query, key, eraseRows, writeRows } = rows;
  const { stateHeads, outHeads } = call;
  const [batch, count] = query.tensor.shape;
  const lambda = dot(scope, query, key);
  const corrections = eraseRows ? scope.packed(batch, count, stateHeads, writeRows.width) : writeRows;
  const output = scope.packed(batch, count, outHeads, writeRows.width);
  for (const span of call.spans) {
    const at = operandsOf(scope, rows, lambda, call, span);
    if (eraseRows)
      solve(scope.backend, at.eraser(), at.rows(writeRows, stateHeads), {
        initialState: at.initial(stateHeads),
        out: at.rows(corrections, stateHeads),
      });
    const final = finalStatesOf(scope, call.finalState, span, stateHeads, outHeads);
    apply(scope.backend, at.reader(), at.rows(corrections, outHeads), {
      alpha: call.scale,
      initialState: at.initial(outHeads),
      finalState: final.states,
      out: at.rows(output, outHeads),
    });
    final.finish();
  }
  return tape.derived(output, (gradient) =>
    mixBack(tape, rows, { ...call, lambda, corrections }, back, gradient),
  );
}
