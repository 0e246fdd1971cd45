import { ShapeError, ValueError, type Backend, type Tensor } from "@dlrt/core";
import { checkOptions } from "@dlrt/core/backend";
import { checkCotangents } from "../engine/check-options.js";
import type { CheckedLayer } from "../engine/check.js";
import { engineForm, runRule } from "../engine/layer.js";
import { operatorRows } from "../engine/mix.js";
import type { MixCall, Mix } from "../engine/operands.js";
import { callIntercepted, type LayerFunction, type Interceptor } from "../engine/intercept.js";
import { namesBesideStates, type LayerOptions } from "../engine/options.js";
import { identity } from "../engine/products.js";
import { withScope } from "../engine/scope.js";
import { loadStates, stateShape, targetStates } from "../engine/states.js";
import { Tape, type Value } from "../engine/tape.js";
import { checkSummary, type ChunkSummary } from "./compose.js";
import { cotangentRows } from "./cotangent-map.js";
import { mapRows } from "./rows-map.js";

/** The options of the layer's call except for its states, which are K×V in a summary. */
export type SummaryOptions<T extends Tensor = Tensor> = Omit<
  LayerOptions<T>,
  "initialState" | "finalState" | "stateLayout" | "keep"
>;

/**
 * Computes what these tokens do to the state S of a head, whatever it was before them: S ↦ A S + B. B is the final state that the layer
 * reaches from 0, and A the one that it reaches from the identity when it writes nothing. So a long sequence can be cut into pieces that
 * are computed at the same time (`composeSummaries`, `applySummary`), and K·K + K·V numbers for each head are all that passes between them.
 *
 * @param layer is a layer of this package
 * @param inputs are the layer's inputs for the tokens of the piece; its queries play no part
 * @returns two new tensors, the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function chunkSummary<T extends Tensor, I extends object>(
  layer: LayerFunction<I, T>,
  backend: Backend<T>,
  inputs: I,
  options: SummaryOptions<T>,
): ChunkSummary<T> {
  return throughLayer(layer, backend, inputs, options, (rule, given, call) =>
    withScope(backend, call.dtype, (scope) => {
      const { form, keyWidth } = call;
      const square = { ...form, valueWidth: keyWidth };
      const engine = { ...engineForm(rule, call), heads: form.heads };
      const transition = scope.empty(stateShape(square));
      const state = scope.empty(stateShape(form));
      const unit = identity(scope, transition.shape[0], keyWidth);
      const from = {
        A: targetStates(scope, transition, square, engine),
        B: targetStates(scope, state, form, engine),
      };
      // Where the layer erases nothing, only the diagonal of A is computed, and without decay not even that: A is the identity then.
      scope.copy(unit, transition);
      const targets = {
        identity: loadStates(scope, unit, square, engine),
        transition: from.A.states,
        state: from.B.states,
      };
      runRule(new Tape(scope, false), rule, given, call, {}, {}, (tape, rows, mixCall) => {
        mapRows(scope, operatorRows(tape, rows), mixCall, targets);
        return unread(tape, rows, mixCall);
      });
      from.A.finish();
      from.B.finish();
      return { transition: scope.release(transition), state: scope.release(state) };
    }),
  );
}

/**
 * Computes the way back: how the cotangent of the state before these tokens depends on that of the state after them, Z̄ ↦ Aᵀ Z̄ + C, where C is
 * what comes back through the output. It is a summary too, so that `composeSummaries` and `applySummary` take cotangents from the last
 * piece to the first. With the cotangent of its own final state each piece then has its gradients from the layer's own Vjp.
 *
 * @param cotangents are the cotangent of the piece's `output`, which counts as 0 where it is absent, and the `summary` that `chunkSummary`
 * gave, whose A is used
 * @returns two new tensors, the caller's to dispose
 * @throws as `chunkSummary`
 */
export function chunkSummaryVjp<T extends Tensor, I extends object>(
  layer: LayerFunction<I, T>,
  backend: Backend<T>,
  inputs: I,
  cotangents: { readonly output?: T | undefined; readonly summary: ChunkSummary<T> },
  options: SummaryOptions<T>,
): ChunkSummary<T> {
  return throughLayer(layer, backend, inputs, options, (rule, given, call) => {
    const { output, summary } = checkedCotangents(backend, cotangents, call);
    return withScope(backend, call.dtype, (scope) => {
      const { form, stateHeads } = call;
      const transition = scope.empty(summary.transition.shape);
      const state = scope.empty(stateShape(form));
      const target = targetStates(scope, state, form, { ...engineForm(rule, call), heads: stateHeads });
      const tape = new Tape(scope, true);
      const result = runRule(tape, rule, given, call, {}, {}, (_, rows, mixCall) => {
        const operator = operatorRows(tape, rows);
        return tape.derived(unread(tape, rows, mixCall), (gradient) =>
          cotangentRows(scope, operator, mixCall, gradient, target.states),
        );
      });
      const { heads, width, tensor } = result.output;
      tape.backward(result.output, { heads, width, tensor: output ?? scope.full(0, tensor.shape) });
      target.finish();
      scope.copy(summary.transition, transition, { trans: true });
      return { transition: scope.release(transition), state: scope.release(state) };
    });
  });
}

/** Returns the summary that `compute` makes of a layer's rule and checked call. */
function throughLayer<T extends Tensor, I>(
  layer: LayerFunction<I, T>,
  backend: Backend<T>,
  inputs: I,
  options: SummaryOptions<T>,
  compute: (...of: Parameters<Interceptor<T>>) => ChunkSummary<T>,
): ChunkSummary<T> {
  checkOptions("options", options, namesBesideStates);
  let summary: ChunkSummary<T> | undefined;
  callIntercepted(layer, backend, inputs, options, (...of) => (summary = compute(...of)).state);
  return summary!;
}

/** Makes an output that nobody reads, without memory for each of its rows. */
function unread<T extends Tensor>(tape: Tape<T>, { value }: Mix<T>, { outHeads }: MixCall<T>): Value<T> {
  const [batch, count] = value.tensor.shape;
  const { width } = value;
  return tape.value({
    tensor: tape.scope.repeated(0, [batch, count, outHeads * width]),
    heads: outHeads,
    width,
  });
}

/** Checks the cotangents of `chunkSummaryVjp`, and returns them. @throws ShapeError, DtypeError, ValueError, DisposedError */
function checkedCotangents<T extends Tensor>(
  backend: Backend<T>,
  given: { readonly output?: T | undefined; readonly summary: ChunkSummary<T> },
  call: CheckedLayer,
): typeof given {
  if (given === undefined) throw new ValueError("cotangents", "{ output, summary }", "undefined");
  checkOptions("cotangents", given, ["output", "summary"]);
  const { output, summary } = given;
  checkCotangents(backend, { output }, call);
  const [count, rank, cols] = checkSummary(backend, "cotangents.summary", summary, call.dtype);
  const expected = stateShape(call.form);
  if (count !== expected[0] || rank !== expected[1] || cols !== expected[2]) {
    throw new ShapeError("cotangents.summary.state", expected.join(" × "), summary.state.shape.join(" × "));
  }
  return { output, summary };
}
