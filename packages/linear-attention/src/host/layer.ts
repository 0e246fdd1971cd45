import { ValueError, type Backend, type HostView, type Shape, type Tensor } from "@dlrt/core";
import { checkOptions, plainArray } from "@dlrt/core/backend";
import { checkPieces } from "../engine/pieces.js";
import { checkHeads, type CheckedLayer } from "../engine/check.js";
import { optionNames, type Cotangents, type LayerOptions, type LayerResult } from "../engine/options.js";
import type { Rule } from "../engine/rule.js";
import { stateShape } from "../engine/states.js";
import type { HostCotangents, HostLayer, HostLayerOptions, HostLayerResult, HostLayerVjp } from "./types.js";
import { checkLength, viewAs, viewsOf, withUploads, type HostArray } from "./call.js";

type Given = Readonly<Record<string, HostArray | undefined>>;
type AnyInputs = Readonly<Record<string, Tensor>>;
const hostNames = [...optionNames, "shape"];

/** A call's arrays with their shapes, and the tensors' options. */
function prepare(rule: Rule, inputs: Given, given: HostLayerOptions) {
  if (given === undefined) throw new ValueError("options", "at least { heads, shape }", "undefined");
  checkOptions("options", given, hostNames);
  const { shape, initialState, finalState = false, ...options } = given;
  const heads = checkHeads(options.heads);
  const views = viewsOf(rule.inputs, inputs, shape, heads);
  const states = stateSizes(rule, views, heads, given);
  const initial = initialState && viewAs("initialState", initialState, states);
  if (finalState !== false && finalState !== true)
    checkLength("finalState", plainArray("finalState", finalState), states);
  return { views, options, initial, states, finalState };
}

/** The first input of a role. */
function viewOf(
  { inputs }: Rule,
  views: Readonly<Record<string, HostView>>,
  role: "query" | "value",
): HostView | undefined {
  return views[Object.keys(inputs).find((name) => inputs[name]!.role === role)!];
}

/** The shape of the states, from the columns of query and value; where those do not fit, the layer says so. */
function stateSizes(
  rule: Rule,
  views: Readonly<Record<string, HostView>>,
  heads: CheckedLayer["heads"],
  { sequences, padding, stateLayout: layout = "kv" }: HostLayerOptions,
): Shape {
  const [batch = 0, tokens = 0, columns = 0] = viewOf(rule, views, "query")?.shape ?? [];
  return stateShape({
    sequences: sequences === undefined ? batch : checkPieces({ sequences, padding }, batch, tokens).length,
    heads: Math.max(heads.key, heads.value),
    keyWidth: Math.floor(columns / heads.query),
    valueWidth: Math.floor((viewOf(rule, views, "value")?.shape[2] ?? 0) / heads.value),
    layout,
  });
}

const STATE = "initialState";

/** A layer of this package as a `HostLayer`. */
export function onHost<Inputs extends object>(
  rule: Rule,
  layer: <T extends Tensor>(backend: Backend<T>, inputs: never, options: LayerOptions<T>) => LayerResult<T>,
): HostLayer<Inputs> {
  const call = async (backend: Backend, inputs: Given, given: HostLayerOptions): Promise<HostLayerResult> => {
    const { views, options, initial, finalState } = prepare(rule, inputs, given);
    const asked = finalState !== false;
    const results = await withUploads(
      backend,
      { ...views, [STATE]: initial },
      ({ [STATE]: state, ...tensors }) => {
        const { output, finalState } = layer(backend, tensors as never, {
          ...options,
          initialState: state,
          finalState: asked,
        });
        return { output, finalState };
      },
    );
    const output = results["output"]!;
    if (!asked) return { output };
    const final = results["finalState"]!;
    if (finalState === true) return { output, finalState: final };
    plainArray("finalState", finalState).set(final);
    return { output, finalState };
  };
  return call as HostLayer<Inputs>;
}

/** A layer's Vjp as a `HostLayerVjp`. */
export function backOnHost<Inputs extends object>(
  rule: Rule,
  layer: <T extends Tensor>(
    backend: Backend<T>,
    inputs: never,
    cotangents: Cotangents<T>,
    options: LayerOptions<T>,
  ) => object,
): HostLayerVjp<Inputs> {
  const call = async (
    backend: Backend,
    inputs: Given,
    cotangents: HostCotangents,
    given: HostLayerOptions,
  ) => {
    const { views, options, initial, states } = prepare(rule, inputs, { ...given, finalState: false });
    if (cotangents === undefined) throw new ValueError("cotangents", "{ output, finalState }", "undefined");
    checkOptions("cotangents", cotangents, ["output", "finalState"]);
    const { output, finalState } = cotangents;
    const extra = {
      [STATE]: initial,
      "cotangents.output": output && outputView(rule, views, output, given.heads),
      "cotangents.finalState": finalState && viewAs("cotangents.finalState", finalState, states),
    };
    return withUploads(backend, { ...views, ...extra }, (tensors) => {
      const { [STATE]: state, "cotangents.output": bar, "cotangents.finalState": stateBar, ...own } = tensors;
      const back = { output: bar, finalState: stateBar };
      return layer(backend, own as never, back, { ...options, initialState: state }) as AnyInputs;
    });
  };
  return call as unknown as HostLayerVjp<Inputs>;
}

/** The cotangent of the output, [B, T, heads·V]. */
function outputView(
  rule: Rule,
  views: Readonly<Record<string, HostView>>,
  output: HostArray,
  given: HostLayerOptions["heads"],
): HostView {
  const heads = checkHeads(given);
  const [batch = 0, tokens = 0] = viewOf(rule, views, "query")?.shape ?? [];
  const width = (viewOf(rule, views, "value")?.shape[2] ?? 0) / heads.value;
  const columns = Math.floor(Math.max(heads.query, heads.key, heads.value) * width);
  return viewAs("cotangents.output", output, [batch, tokens, columns]);
}
