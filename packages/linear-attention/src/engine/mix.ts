import { apply, solve, type Tensor } from "@dlrt/core";
import { dot } from "./elementwise.js";
import { mixFused, fusedKernels } from "./fused.js";
import { mixBack } from "./mix-back.js";
import { operandsOf, type Mix, type MixBack, type MixCall, type Operator } from "./operands.js";
import { finalStatesOf } from "./states.js";
import type { Tape, Value } from "./tape.js";

/** The output that the query reads, by the backend's own kernel for it, or composed of two operations of core. */
export function mix<T extends Tensor>(
  tape: Tape<T>,
  rows: Mix<T>,
  call: MixCall<T>,
  back: MixBack<T> = {},
): Value<T> {
  const kernels = fusedKernels(tape, rows, call);
  if (kernels) return mixFused(tape, kernels, rows, call, back);
  return compose(tape, operatorOf(tape, rows), call, back);
}

/** The rows with the gates multiplied in. */
export function operatorOf<T extends Tensor>(
  tape: Tape<T>,
  { query, key, value, erase, erased, write = erase, decay }: Mix<T>,
): Operator<T> {
  return {
    query,
    key,
    erase: erase ? tape.product(key, erase) : erased,
    written: write ? tape.product(value, write) : value,
    decay,
  };
}

/**
 *     U = solve(λ = 1, q = P, k, g; right-hand side W, S₀)          O = scale · apply(λ = rowdot(q, k), q, k, g; U, S₀)
 *
 * on the packed arrays as they lie: U are the corrections that are written, and the query reads after its own row
 * was. Both end in the same final state. Without an erase key U = W.
 */
function compose<T extends Tensor>(
  tape: Tape<T>,
  rows: Operator<T>,
  call: MixCall<T>,
  back: MixBack<T>,
): Value<T> {
  const { scope } = tape;
  const { query, key, erase, written } = rows;
  const { stateHeads, outHeads } = call;
  const [batch, count] = query.tensor.shape;
  const lambda = dot(scope, query, key);
  const corrections = erase ? scope.packed(batch, count, stateHeads, written.width) : written;
  const output = scope.packed(batch, count, outHeads, written.width);
  for (const piece of call.pieces) {
    const at = operandsOf(scope, rows, lambda, call, piece);
    if (erase)
      solve(scope.backend, at.eraser(), at.rows(written, stateHeads), {
        initialState: at.initial(stateHeads),
        out: at.rows(corrections, stateHeads),
      });
    const final = finalStatesOf(scope, call.finalState, piece, stateHeads, outHeads);
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
