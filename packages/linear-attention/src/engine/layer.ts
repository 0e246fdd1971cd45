import type { Backend, Tensor } from "@dlrt/core";
import { checkCotangents } from "./check-options.js";
import { checkLayer, inputHeads, inputWidth, type CheckedLayer, type Inputs } from "./check.js";
import { mix } from "./mix.js";
import type { MixBack, MixCall } from "./operands.js";
import type { Cotangents, LayerOptions, LayerResult } from "./options.js";
import type { Rule } from "./rule.js";
import { withScope, type Scope } from "./scope.js";
import { loadStates, stateShape, targetStates } from "./states.js";
import { Tape, type Value } from "./tape.js";

/** Computes a layer. Results are written when it returns, or enqueued on a device. */
export function forward<T extends Tensor>(
  backend: Backend<T>,
  rule: Rule,
  given: object,
  options: LayerOptions<T>,
): LayerResult<T> {
  const inputs = given as Inputs<T>;
  const call = checkLayer(backend, rule, inputs, options);
  return withScope(backend, call.dtype, (scope) => {
    const { form, outHeads } = call;
    const engine = engineForm(rule, call);
    const { finalState: asked = false } = options;
    const final = asked === true ? scope.empty(stateShape(form)) : asked;
    const target =
      final === false ? undefined : targetStates(scope, final, form, { ...engine, heads: outHeads });
    const states = { initialState: initialStates(scope, rule, call, options), finalState: target?.states };
    const tape = new Tape(scope, false);
    const { output } = run(tape, rule, inputs, call, states, {});
    target?.finish();
    const result = scope.keep(output.tensor);
    return final === false ? { output: result } : { output: result, finalState: scope.keep(final) };
  });
}

/** The gradients of a layer, which is computed once more on the way. */
export function backward<T extends Tensor>(
  backend: Backend<T>,
  rule: Rule,
  given: object,
  cotangents: Cotangents<T>,
  options: LayerOptions<T>,
): Record<string, T> {
  const inputs = given as Inputs<T>;
  const call = checkLayer(backend, rule, inputs, options);
  checkCotangents(backend, cotangents, call);
  return withScope(backend, call.dtype, (scope) => {
    const { form, outHeads, stateHeads } = call;
    const engine = engineForm(rule, call);
    const { finalState: cotangent } = cotangents;
    const gradient = options.initialState && scope.empty(stateShape(form));
    const target = gradient && targetStates(scope, gradient, form, { ...engine, heads: stateHeads });
    const back: MixBack<T> = {
      finalStateCotangent: cotangent && loadStates(scope, cotangent, form, { ...engine, heads: outHeads }),
      initialState: target?.states,
    };
    const tape = new Tape(scope, true);
    const states = { initialState: initialStates(scope, rule, call, options) };
    const { output, values } = run(tape, rule, inputs, call, states, back);
    tape.backward(output, {
      heads: output.heads,
      width: output.width,
      tensor: cotangents.output ?? scope.full(0, output.tensor.shape),
    });
    target?.finish();
    const result: Record<string, T> = {};
    for (const [name, { gradient, tensor }] of Object.entries(values))
      result[name] = scope.keep(gradient?.tensor ?? scope.full(0, tensor.shape));
    if (gradient) result["initialState"] = scope.keep(gradient);
    return result;
  });
}

/** How the engine keeps a layer's states beside their heads. */
export const engineForm = ({ scratch = 0 }: Rule, { keyWidth }: CheckedLayer): { readonly rank: number } => ({
  rank: keyWidth + scratch,
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

/** The layer's mapping on its inputs, with normalised keys where asked; `mixer` does what the rows are for. */
export function run<T extends Tensor>(
  tape: Tape<T>,
  rule: Rule,
  inputs: Inputs<T>,
  call: CheckedLayer,
  states: Pick<MixCall<T>, "initialState" | "finalState">,
  back: MixBack<T>,
  mixer: typeof mix<T> = mix,
): { readonly output: Value<T>; readonly values: Record<string, Value<T>> } {
  const values: Record<string, Value<T>> = {};
  const mapped: Record<string, Value<T>> = {};
  for (const [name, input] of Object.entries(rule.inputs)) {
    const tensor = inputs[name];
    if (tensor === undefined) continue;
    const packed = { tensor, heads: inputHeads(input, tensor, call), width: inputWidth(input, call) };
    const value = tape.value(packed);
    values[name] = value;
    const normalized = call.eps !== undefined && (input.role === "query" || input.role === "key");
    mapped[name] = normalized ? tape.normalize(value, call.eps) : value;
    if (input.role === "parameter") mapped[name] = tape.repeat(value, call.batch, call.tokens);
  }
  const { pieces, scale, stateHeads, outHeads } = call;
  const output = rule.map(
    {
      tape,
      ...call,
      mix: (rows) => {
        const perToken = call.tokens === 0 ? 1 : rows.value.tensor.shape[1] / call.tokens;
        const stretched = pieces.map((piece) => ({
          ...piece,
          start: piece.start * perToken,
          rows: piece.rows * perToken,
        }));
        return mixer(tape, rows, { scale, stateHeads, outHeads, pieces: stretched, ...states }, back);
      },
    },
    mapped,
  );
  return { output, values };
}
