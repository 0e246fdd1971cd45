/** The layers of @dlrt/linear-attention as the suite sees them: names of inputs, calls, references. */
import type { Backend, Tensor } from "@dlrt/core";
import * as layers from "@dlrt/linear-attention";
import type { Cotangents, LayerOptions, LayerResult, VjpOptions } from "@dlrt/linear-attention";
import * as reference from "@dlrt/linear-attention/reference";
import type { ReferenceProblem, ReferenceResult } from "@dlrt/linear-attention/reference";
import type { GateKind } from "../gates.js";

/** Arrays by the names of a layer's inputs. */
export type Arrays = Readonly<Record<string, Float64Array>>;

/**
 * What an input is. Of the gates "beta" has one number a head, "erase" one a key channel, "write" one a column of the value; "g" and
 * "gChannel" are logarithms of decays; "a" and "b" the low-rank part of a transition; "A" and "D" one number a head for all tokens.
 */
export type Kind =
  | "query"
  | "key"
  | "value"
  | "beta"
  | "erase"
  | "write"
  | "a"
  | "b"
  | "g"
  | "gChannel"
  | "A"
  | "D";

export interface Layer {
  readonly name: string;
  readonly inputs: Readonly<Record<string, Kind>>;
  /** Rows of key, value and β a token. */
  readonly steps: number;
  /** What its operators decay by; undefined: by nothing. */
  readonly decay: GateKind | undefined;
  /** The answer to small integers is a small integer, or one times a power of two. */
  readonly exact: boolean;
  /** The scale where none is given; undefined: 1/√K. */
  readonly scale: number | undefined;
  forward(
    backend: Backend,
    inputs: Readonly<Record<string, Tensor>>,
    options: LayerOptions,
  ): LayerResult<Tensor>;
  backward(
    backend: Backend,
    inputs: Readonly<Record<string, Tensor>>,
    cotangents: Cotangents,
    options: VjpOptions,
  ): Readonly<Record<string, Tensor>>;
  reference(problem: ReferenceProblem, inputs: Arrays): ReferenceResult;
}

type Name = Exclude<keyof typeof reference, "onnxLinearAttention">;
type Reference = (problem: ReferenceProblem, inputs: Arrays, steps?: number) => ReferenceResult;

function layer(name: Name, inputs: Layer["inputs"], own: Partial<Layer> = {}): Layer {
  const { steps = 1 } = own;
  const kinds = Object.values(inputs);
  const decay = kinds.includes("gChannel") ? "channel" : kinds.includes("g") ? "row" : undefined;
  return {
    name: steps === 1 ? name : `${name}, ${steps} steps`,
    ...{ inputs, steps, decay, exact: true, scale: undefined, ...own },
    // The signatures differ in the names of inputs only.
    forward: layers[name] as unknown as Layer["forward"],
    backward: layers[`${name}Vjp`] as unknown as Layer["backward"],
    reference: (problem, arrays) =>
      (reference[name] as unknown as Reference)(problem, arrays, steps === 1 ? undefined : steps),
  };
}

const QKV = { query: "query", key: "key", value: "value" } as const;

/** Every layer; DeltaProduct with and without a decay. */
export const allLayers: readonly Layer[] = [
  layer("linearAttention", QKV),
  layer("simpleGla", { ...QKV, decay: "g" }),
  layer("gla", { ...QKV, decay: "gChannel" }),
  layer("retention", QKV, { decay: "row", exact: false }),
  layer("ssd", { x: "value", dt: "beta", A: "A", B: "key", C: "query", D: "D" }, { decay: "row", scale: 1 }),
  layer("deltaRule", { ...QKV, beta: "beta" }),
  layer("gatedDeltaRule", { ...QKV, beta: "beta", decay: "g" }),
  layer("kimiDeltaAttention", { ...QKV, beta: "beta", decay: "gChannel" }),
  layer("gatedDeltaRule2", { ...QKV, erase: "erase", write: "write", decay: "gChannel" }),
  layer("gatedDeltaProduct", { ...QKV, beta: "beta", decay: "g" }, { steps: 2 }),
  layer("gatedDeltaProduct", { ...QKV, beta: "beta" }, { steps: 3 }),
  layer("comba", { ...QKV, erase: "key", beta: "beta", decay: "g" }, { decay: "channel" }),
  layer("dplr", { ...QKV, a: "a", b: "b", decay: "gChannel" }),
  layer("rwkv7", { r: "query", w: "gChannel", k: "key", v: "value", a: "a", b: "b" }, { scale: 1 }),
];
