import { ValueError, type Backend, type FloatArray, type Tensor } from "@dlrt/core";
import { checkIsBackend, checkOptions, fillArray } from "@dlrt/core/backend";
import type { Cotangents, LayerOptions } from "../engine/options.js";
import type { Rule } from "../engine/rule.js";
import { viewAs, withUploads } from "./call.js";
import { prepare, type Given, type HostCall } from "./prepare.js";
import { inPieces, type AnyLayer, type HostOutcome } from "./stream.js";
import type { HostCotangents, HostLayer, HostLayerOptions, HostLayerResult, HostLayerVjp } from "./types.js";

type AnyInputs = Readonly<Record<string, Tensor>>;

const STATE = "initialState";

/** Computes a call on the whole arrays at once. */
async function inOne(backend: Backend, layer: AnyLayer, call: HostCall): Promise<HostOutcome> {
  const { views, options, initial, finalState: asked, output: into } = call;
  const results = await withUploads(
    backend,
    { ...views, [STATE]: initial },
    ({ [STATE]: initialState, ...tensors }) => {
      const given = { ...options, initialState, finalState: asked !== false };
      const { output, finalState } = layer(backend, tensors as never, given);
      return { output, finalState };
    },
  );
  const { output, finalState } = results as { output: FloatArray; finalState?: FloatArray };
  if (into !== undefined) fillArray("output", into, output);
  return { output: into ?? output, finalState };
}

/** Makes a layer on plain arrays of a layer of this package and its rule. */
export function onHost<Inputs extends object>(rule: Rule, layer: AnyLayer): HostLayer<Inputs> {
  const call = async (backend: Backend, inputs: Given, given: HostLayerOptions): Promise<HostLayerResult> => {
    checkIsBackend(backend);
    const call = prepare(rule, inputs, given);
    const { finalState } = call;
    const { finalState: final, ...made } =
      (await inPieces(backend, layer, rule, call)) ?? (await inOne(backend, layer, call));
    const output = given.output ?? made.output;
    if (finalState === false) return { output };
    if (finalState === true) return { output, finalState: final! };
    fillArray("finalState", finalState, final!);
    return { output, finalState };
  };
  return call as HostLayer<Inputs>;
}

/** Makes a layer's Vjp on plain arrays of the Vjp on tensors and the layer's rule. */
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
    const { views, options, initial, states, outShape } = prepare(rule, inputs, {
      ...given,
      finalState: false,
      output: undefined,
    });
    if (cotangents === undefined) throw new ValueError("cotangents", "{ output, finalState }", "undefined");
    checkOptions("cotangents", cotangents, ["output", "finalState"]);
    const { output, finalState } = cotangents;
    const extra = {
      [STATE]: initial,
      "cotangents.output": output && viewAs("cotangents.output", output, outShape),
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
