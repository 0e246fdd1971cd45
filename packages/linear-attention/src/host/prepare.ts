import { DtypeError, ValueError, type FloatArray, type HostView, type Shape } from "@dlrt/core";
import { checkOptions, dtypeOf, plainArray } from "@dlrt/core/backend";
import { checkSpans } from "../engine/spans.js";
import { checkHeads, type CheckedLayer } from "../engine/check.js";
import { optionNames, type LayerOptions } from "../engine/options.js";
import type { Rule } from "../engine/rule.js";
import { stateShape } from "../engine/states.js";
import { checkApart, checkLength, viewAs, viewsOf, type HostArray } from "./call.js";
import type { HostLayerOptions } from "./types.js";

export type Given = Readonly<Record<string, HostArray | undefined>>;
const hostNames = [...optionNames, "shape", "output"];

type Views = Readonly<Record<string, HostView>>;

/** A call whose arrays have the lengths that their shapes ask for. */
export interface HostCall {
  /** The inputs by their names. */
  readonly views: Views;
  /** The options of the layer itself. */
  readonly options: LayerOptions;
  readonly initial: HostView | undefined;
  /** The shape of the states. */
  readonly states: Shape;
  readonly finalState: boolean | FloatArray;
  /** The caller's array for the output. */
  readonly output: FloatArray | undefined;
  /** [B, T, heads·V] */
  readonly outShape: Shape;
}

/** Gives a call's arrays their shapes, and checks their lengths. @throws ShapeError, DtypeError, ValueError */
export function prepare(rule: Rule, inputs: Given, given: HostLayerOptions): HostCall {
  if (given === undefined) throw new ValueError("options", "at least { heads, shape }", "undefined");
  checkOptions("options", given, hostNames);
  const { shape, initialState, finalState = false, output, ...options } = given;
  const heads = checkHeads(options.heads);
  const views = viewsOf(rule.inputs, inputs, shape, heads);
  const states = stateSizes(rule, views, heads, given);
  const initial = initialState && viewAs("initialState", initialState, states);
  if (finalState !== false && finalState !== true)
    checkLength("finalState", plainArray("finalState", finalState), states);
  const outShape = outputShape(rule, views, heads);
  const into = output && checkOutput(output, outShape, rule, views, finalState);
  return { views, options, initial, states, finalState, output: into, outShape };
}

/** Checks the array for the output, which must have the right length and share no memory with what is read after some of it is written. */
function checkOutput(
  output: FloatArray,
  shape: Shape,
  rule: Rule,
  views: Views,
  finalState: boolean | FloatArray,
): FloatArray {
  const own = plainArray("output", output);
  const query = viewOf(rule, views, "query");
  const dtype = dtypeOf("output", own);
  if (query !== undefined && dtypeOf("query", query.data) !== dtype)
    throw new DtypeError("output", dtypeOf("query", query.data), dtype);
  checkLength("output", own, shape);
  for (const [name, { data }] of Object.entries(views)) checkApart(own, name, plainArray(name, data));
  if (typeof finalState === "object") checkApart(own, "finalState", plainArray("finalState", finalState));
  return own;
}

/** Returns the first input of a role. */
function viewOf({ inputs }: Rule, views: Views, role: "query" | "value"): HostView | undefined {
  return views[Object.keys(inputs).find((name) => inputs[name]!.role === role)!];
}

/** Returns the shape of the states, from the columns of query and value. Where those do not fit, the layer refuses them later. */
function stateSizes(
  rule: Rule,
  views: Views,
  heads: CheckedLayer["heads"],
  { sequences, padding, stateLayout: layout = "kv" }: HostLayerOptions,
): Shape {
  const [batch = 0, tokens = 0, columns = 0] = viewOf(rule, views, "query")?.shape ?? [];
  return stateShape({
    sequences: sequences === undefined ? batch : checkSpans({ sequences, padding }, batch, tokens).length,
    heads: Math.max(heads.key, heads.value),
    keyWidth: Math.floor(columns / heads.query),
    valueWidth: Math.floor((viewOf(rule, views, "value")?.shape[2] ?? 0) / heads.value),
    layout,
  });
}

/** Returns the shape of the output, [B, T, heads·V]. */
function outputShape(rule: Rule, views: Views, heads: CheckedLayer["heads"]): Shape {
  const [batch = 0, tokens = 0] = viewOf(rule, views, "query")?.shape ?? [];
  const width = (viewOf(rule, views, "value")?.shape[2] ?? 0) / heads.value;
  const columns = Math.floor(Math.max(heads.query, heads.key, heads.value) * width);
  return [batch, tokens, columns];
}
