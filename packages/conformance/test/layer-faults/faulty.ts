/** Makes layers with planted faults: the right layers on the plain backend, with one thing changed. */
import { elementCount, type Backend, type HostTensor, type Tensor } from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import type { Cotangents, LayerOptions, LayerResult } from "@dlrt/linear-attention";
import { allLayers, type Layer } from "../../src/layers/definition.js";

export type Inputs = Readonly<Record<string, Tensor>>;

export interface LayerCall {
  readonly layer: Layer;
  readonly backend: Backend;
  readonly inputs: Inputs;
  readonly options: LayerOptions;
}

export interface LayerFault {
  readonly name: string;
  /** The name of the case that finds the fault. */
  readonly caughtBy: string;
  readonly layers: readonly Layer[];
}

/** Returns the elements of a tensor of the plain backend, row by row. */
export const elements = (t: Tensor): Float64Array => Float64Array.from(readView(t as HostTensor));

/**
 * Returns a tensor of the same shape with other elements. It lives until the backend does, so that it is not found as a
 * leak before the fault is.
 */
export function like(backend: Backend, t: Tensor, change: (value: number, at: number) => number): Tensor {
  const data = readView(t as HostTensor);
  data.forEach((value, at) => (data[at] = change(value, at)));
  return backend.upload({ data, shape: t.shape });
}

/** Writes over a result. */
export function spoil(t: Tensor, change: (value: number, at: number, all: Float64Array) => number): void {
  const { data } = t as HostTensor;
  const before = Float64Array.from(data);
  for (let at = 0; at < elementCount(t.shape); at++) data[at] = change(before[at]!, at, before);
}

type Changed = Partial<Pick<LayerCall, "inputs" | "options">>;
type Cotangent = { cotangents?: Cotangents };

/** Runs `body` on a backend whose tensors are disposed when it returns, as a layer disposes those that it makes on the way. */
function within<R>(backend: Backend, body: (own: Backend) => R): R {
  const made: Tensor[] = [];
  const own = Object.create(backend, {
    upload: {
      value: (view: Parameters<Backend["upload"]>[0]) => (made.push(backend.upload(view)), made.at(-1)!),
    },
  }) as Backend;
  try {
    return body(own);
  } finally {
    for (const t of made) t.dispose();
  }
}

/** Makes every layer that `applies` faulty: with changed arguments, or with a result that is spoilt. */
export function faulty(
  applies: (layer: Layer) => boolean,
  {
    change = () => ({}),
    after = () => {},
    afterBack = () => {},
  }: {
    readonly change?: (call: LayerCall & Cotangent) => Changed & Cotangent;
    readonly after?: (result: LayerResult, call: LayerCall) => void;
    readonly afterBack?: (gradients: Readonly<Record<string, Tensor>>, call: LayerCall) => void;
  },
): readonly Layer[] {
  return allLayers.filter(applies).map((layer) => ({
    ...layer,
    forward: (backend, inputs, options) =>
      within(backend, (own) => {
        const call = { layer, backend: own, inputs, options };
        const { inputs: i = inputs, options: o = options } = change(call);
        const result = layer.forward(backend, i, o);
        after(result, call);
        return result;
      }),
    backward: (backend, inputs, cotangents, options) =>
      within(backend, (own) => {
        const call = { layer, backend: own, inputs, options };
        const {
          inputs: i = inputs,
          options: o = options,
          cotangents: c = cotangents,
        } = change({ ...call, cotangents });
        const gradients = layer.backward(backend, i, c, o);
        afterBack(gradients, call);
        return gradients;
      }),
  }));
}

export const named =
  (...names: readonly string[]) =>
  ({ name }: Layer): boolean =>
    names.includes(name);
