import type { Backend, Tensor } from "@dlrt/core";
import { checkCotangents } from "./check-options.js";
import { checkLayer, inputHeads, inputWidth, type CheckedLayer, type Inputs } from "./check.js";
import { regrouped, tiled } from "./head-order.js";
import { ruleFor } from "./fused-kernels.js";
import { interceptorIn } from "./intercept.js";
import { describeCall, keptOf, keptTensors } from "./kept.js";
import { mix } from "./mix.js";
import type { KeptTensors, BackwardStates, MixCall } from "./operands.js";
import {
  vjpNames,
  type Cotangents,
  type LayerOptions,
  type LayerResult,
  type VjpOptions,
} from "./options.js";
import { clearRows, stretched } from "./spans.js";
import type { Input, Rule } from "./rule.js";
import { withScope, type Scope } from "./scope.js";
import { loadStates, stateShape, targetStates } from "./states.js";
import { Tape, type Value } from "./tape.js";

/** The arguments of `mix` that no layer's mapping changes. */
type StatesOf<T extends Tensor> = Pick<MixCall<T>, "initialState" | "finalState" | "kept">;

/**
 * Checks and computes the forward call of a layer. When it returns, the results are written, or enqueued on a device.
 * @param given are the layer's inputs by their names
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError; nothing is left allocated then
 */
export function forward<T extends Tensor>(
  backend: Backend<T>,
  rule: Rule,
  given: object,
  options: LayerOptions<T>,
): LayerResult<T> {
  const inputs = given as Inputs<T>;
  const call = checkLayer(backend, rule, inputs, options);
  const interceptor = interceptorIn(options);
  if (interceptor) return { output: interceptor(rule, inputs, call) };
  return withScope(backend, call.dtype, (scope) => {
    const { form, stateHeads } = call;
    const own = ruleFor(backend, rule, call, false);
    const engine = engineForm(own, call);
    const { finalState: asked = false } = options;
    const final = asked === true ? scope.empty(stateShape(form)) : asked;
    const target =
      final === false ? undefined : targetStates(scope, final, form, { ...engine, heads: stateHeads });
    const kept: KeptTensors<T> | undefined = options.keep ? [] : undefined;
    const initialState = initialStates(scope, own, call, options);
    const output = outputOf(scope, own, inputs, call, { initialState, finalState: target?.states, kept });
    target?.finish();
    const result: { -readonly [name in keyof LayerResult<T>]: LayerResult<T>[name] } = {
      output: scope.release(output),
    };
    if (final !== false) result.finalState = scope.release(final);
    if (kept) {
      for (const t of kept) if (t) scope.release(t);
      result.kept = keptOf(describeCall(rule, inputs, call, options), kept);
    }
    return result;
  });
}

/** Computes the output, [B, T, heads·V], by the rule that `ruleFor` gives. Padded rows of it are zeros. */
export function outputOf<T extends Tensor>(
  scope: Scope<T>,
  rule: Rule,
  inputs: Inputs<T>,
  call: CheckedLayer,
  states: StatesOf<T>,
): T {
  const tape = new Tape(scope, false);
  const { output } = runRule(tape, rule, inputs, call, states, {});
  clearRows(scope, output, call.padding, 1);
  return output.tensor;
}

/**
 * Checks and computes the gradients of a layer. What they need of the forward pass is computed once more, unless it was kept.
 * @returns a gradient for every input that was given, by its name, and for the initial state where there is one
 * @throws as `forward`
 */
export function backward<T extends Tensor>(
  backend: Backend<T>,
  rule: Rule,
  given: object,
  cotangents: Cotangents<T>,
  options: VjpOptions<T>,
): Record<string, T> {
  const inputs = given as Inputs<T>;
  const call = checkLayer(backend, rule, inputs, options, vjpNames);
  checkCotangents(backend, cotangents, call);
  const kept = keptTensors(backend, options.kept, () => describeCall(rule, inputs, call, options));
  return withScope(backend, call.dtype, (scope) => {
    const { form, outHeads, stateHeads } = call;
    const own = ruleFor(backend, rule, call, true);
    const engine = engineForm(own, call);
    const { finalState: cotangent } = cotangents;
    const gradient = options.initialState && scope.empty(stateShape(form));
    const target = gradient && targetStates(scope, gradient, form, { ...engine, heads: stateHeads });
    const back: BackwardStates<T> = {
      finalStateCotangent: cotangent && loadStates(scope, cotangent, form, { ...engine, heads: outHeads }),
      initialStateGradient: target?.states,
    };
    const tape = new Tape(scope, true);
    const states = { initialState: initialStates(scope, own, call, options), kept };
    const { output, values } = runRule(tape, own, inputs, call, states, back);
    tape.backward(output, {
      heads: output.heads,
      width: output.width,
      tensor: cotangents.output ?? scope.repeated(0, output.tensor.shape),
    });
    target?.finish();
    const result: Record<string, T> = {};
    for (const [name, { gradient, tensor }] of Object.entries(values)) {
      const { role, steps } = rule.inputs[name]!;
      if (gradient && role !== "parameter") clearRows(scope, gradient, call.padding, steps ? call.steps : 1);
      result[name] = scope.release(gradient?.tensor ?? scope.full(0, tensor.shape));
    }
    if (gradient) result["initialState"] = scope.release(gradient);
    return result;
  });
}

/** Returns how many channels the engine's states have for a layer: the K of its keys, and its scratch channels behind them. */
export const engineForm = (
  { scratchChannels = 0 }: Rule,
  { keyWidth }: CheckedLayer,
): { readonly rank: number } => ({
  rank: keyWidth + scratchChannels,
});

function initialStates<T extends Tensor>(
  scope: Scope<T>,
  rule: Rule,
  call: CheckedLayer,
  { initialState }: LayerOptions<T>,
): T | undefined {
  const engine = { ...engineForm(rule, call), heads: call.stateHeads };
  return initialState && loadStates(scope, initialState, call.form, engine);
}

/**
 * Applies a layer's mapping to its inputs, with normalised query and keys where that is asked for.
 * @param mixer computes the output from the rows that the mapping makes
 * @returns the output, and the inputs as values of the tape, whose gradients are there after `tape.backward`
 */
export function runRule<T extends Tensor>(
  tape: Tape<T>,
  rule: Rule,
  inputs: Inputs<T>,
  call: CheckedLayer,
  states: StatesOf<T>,
  back: BackwardStates<T>,
  mixer: typeof mix<T> = mix,
): { readonly output: Value<T>; readonly values: Record<string, Value<T>> } {
  const values: Record<string, Value<T>> = {};
  const mapped: Record<string, Value<T>> = {};
  for (const [name, input] of Object.entries(rule.inputs)) {
    const tensor = inputs[name];
    if (tensor === undefined) continue;
    const packed = { tensor, heads: inputHeads(input, tensor, call), width: inputWidth(input, call) };
    values[name] = tape.value(packed);
    mapped[name] = prepared(tape, input, values[name], call);
  }
  const { spans, scale, stateHeads, outHeads } = call;
  const output = rule.map(
    {
      tape,
      ...call,
      mix: (rows) => {
        const perToken = call.tokens === 0 ? 1 : rows.value.tensor.shape[1] / call.tokens;
        const own = spans.map((span) => stretched(span, perToken));
        return mixer(tape, rows, { scale, stateHeads, outHeads, spans: own, ...states }, back);
      },
    },
    mapped,
  );
  const apart = call.heads.order === "modulo" && outHeads > stateHeads;
  return { output: apart ? regrouped(tape, output, stateHeads, "back") : output, values };
}

/**
 * Returns an input as a rule takes it: with its heads in the engine's order, query and keys normalised where that is
 * asked for, and a parameter repeated as a row for each token.
 */
function prepared<T extends Tensor>(
  tape: Tape<T>,
  { role }: Input,
  value: Value<T>,
  { batch, tokens, heads, stateHeads, outHeads, eps, padding }: CheckedLayer,
): Value<T> {
  if (role === "parameter") {
    const [first, rows] = value.tensor.shape;
    if (first !== 1 || rows !== 1) return value; // the log of a State has the parameter in a row for each token already
    const repeated = tape.repeat(value, batch, tokens);
    // The gradient of a parameter is a sum over tokens, in which padded rows must not count, whatever they hold.
    return tape.derived(repeated, (gradient) => {
      clearRows(tape.scope, gradient, padding, 1);
      tape.gather(repeated, () => gradient);
    });
  }
  let own = value;
  if (heads.order === "modulo") {
    const apart = role === "query" && outHeads > stateHeads && value.heads === outHeads;
    own = apart
      ? regrouped(tape, value, stateHeads, "there")
      : tiled(tape, value, role === "query" ? outHeads : stateHeads);
  }
  const keyed = role === "query" || role === "key";
  return keyed && eps !== undefined ? tape.normalize(own, eps) : own;
}
