import { ShapeError, ValueError, type Backend, type Tensor } from "@dlrt/core";
import { checkOptions } from "@dlrt/core/backend";
import { checkCotangents } from "../engine/check-options.js";
import type { CheckedLayer } from "../engine/check.js";
import { engineForm, run } from "../engine/layer.js";
import { operatorOf } from "../engine/mix.js";
import type { MixCall, Mix } from "../engine/operands.js";
import { callHeld, type LayerFunction, type Step } from "../engine/held.js";
import { optionNames, type LayerOptions } from "../engine/options.js";
import { identity } from "../engine/products.js";
import { withScope } from "../engine/scope.js";
import { loadStates, stateShape, targetStates } from "../engine/states.js";
import { Tape, type Value } from "../engine/tape.js";
import { checkSummary, type ChunkSummary } from "./compose.js";
import { cotangentRows } from "./cotangent-map.js";
import { mapRows } from "./rows-map.js";

/** The options of the layer's call but for its states, which are K×V here. */
export type SummaryOptions<T extends Tensor = Tensor> = Omit<
  LayerOptions<T>,
  "initialState" | "finalState" | "stateLayout" | "keep"
>;

const states: readonly string[] = ["initialState", "finalState", "stateLayout"];
const summaryNames = optionNames.filter((name) => !states.includes(name));

/**
 * The map of the state that these tokens are, whatever the state before them: B is the final state of the layer from nothing, A
 * that from the identity when nothing is written. With it a long sequence is cut into pieces that are computed at once
 * (`composeSummaries`, `applySummary`), and K·K + K·V numbers a head are all that passes between them.
 *
 * @param layer which layer of this package
 * @param inputs the layer's inputs for the tokens of the piece; its queries play no part
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
      // Where nothing erases, A keeps what is not on the diagonal, and without decay all of it.
      scope.copy(unit, transition);
      const targets = {
        identity: loadStates(scope, unit, square, engine),
        transition: from.A.states,
        state: from.B.states,
      };
      run(new Tape(scope, false), rule, given, call, {}, {}, (tape, rows, mixCall) => {
        mapRows(scope, operatorOf(tape, rows), mixCall, targets);
        return unread(tape, rows, mixCall);
      });
      from.A.finish();
      from.B.finish();
      return { transition: scope.keep(transition), state: scope.keep(state) };
    }),
  );
}

/**
 * The way back: the map Z̄ ↦ Aᵀ Z̄ + C of the cotangent of the state after these tokens to that of the state before them, as a
 * summary of its own, so that `composeSummaries` and `applySummary` take cotangents from the last piece to the first. C is what
 * comes through the output. With the cotangent of its own final state each piece then has its gradients from the layer's own Vjp.
 *
 * @param cotangents of the piece's output, absent: 0; and the `summary` that `chunkSummary` gave, for its A
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
      const result = run(tape, rule, given, call, {}, {}, (_, rows, mixCall) => {
        const operator = operatorOf(tape, rows);
        return tape.derived(unread(tape, rows, mixCall), (gradient) =>
          cotangentRows(scope, operator, mixCall, gradient, target.states),
        );
      });
      const { heads, width, tensor } = result.output;
      tape.backward(result.output, { heads, width, tensor: output ?? scope.full(0, tensor.shape) });
      target.finish();
      scope.copy(summary.transition, transition, { trans: true });
      return { transition: scope.keep(transition), state: scope.keep(state) };
    });
  });
}

/** The summary that `compute` makes of a layer's rule and checked call; its state is what the call returns. */
function throughLayer<T extends Tensor, I>(
  layer: LayerFunction<I, T>,
  backend: Backend<T>,
  inputs: I,
  options: SummaryOptions<T>,
  compute: (...of: Parameters<Step<T>>) => ChunkSummary<T>,
): ChunkSummary<T> {
  checkOptions("options", options, summaryNames);
  let summary: ChunkSummary<T> | undefined;
  callHeld(layer, backend, inputs, options, (...of) => (summary = compute(...of)).state);
  return summary!;
}

/** An output that nobody reads, without memory for its rows. */
function unread<T extends Tensor>(tape: Tape<T>, { value }: Mix<T>, { outHeads }: MixCall<T>): Value<T> {
  const [batch, count] = value.tensor.shape;
  const { width } = value;
  return tape.value({
    tensor: tape.scope.repeated(0, [batch, count, outHeads * width]),
    heads: outHeads,
    width,
  });
}

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
