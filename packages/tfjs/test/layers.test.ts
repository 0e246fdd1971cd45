import type { Backend, HostTensor } from "@dlrt/core";
import { createJsBackend } from "@dlrt/backend-js";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { disposeAll } from "../src/bridge/bridge.js";
import { cases, pieces, type Case } from "./cases.js";
import {
  alongDirection,
  closeEmpty,
  createBackend,
  difference,
  mapped,
  numbers,
  pairs,
  toTf,
  upload,
  type Numbers,
} from "./support.js";
import { randomFrom } from "../../../tooling/random.mjs";

type Result = Record<string, ArrayLike<number>>;

const withState = cases.map((of) => ({ ...of, inputs: { ...of.inputs, initialState: of.initialState } }));
const all: readonly (Omit<Case, "initialState"> & { readonly stateful: boolean })[] = [
  ...withState.map((of) => ({ ...of, stateful: true })),
  ...pieces.map((of) => ({ ...of, stateful: false })),
];
type One = (typeof all)[number];

/** Draws cotangents of the results. */
function cotangentsOf(results: Record<string, { readonly shape: readonly number[] }>): Numbers {
  return mapped(results, ({ shape }, name) => numbers(name.length, shape as [number, number, number]));
}

function call(
  of: One,
  which: "operation" | "forward",
  backend: Backend,
  inputs: object,
): Record<string, never> {
  const { initialState, ...own } = inputs as { initialState?: unknown };
  const options = of.stateful ? { ...of.options, initialState, finalState: true } : of.options;
  const result = of[which](backend as never, own as never, options as never);
  return of.stateful ? (result as never) : { output: result as never };
}

/** Computes an operation of @dlrt/tfjs and its gradients by TensorFlow.js, and counts its tensors before and after. */
function byTf(
  of: One,
  backend: Backend,
): { results: Result; gradients: Result; before: number; after: number } {
  const inputs = toTf(of.inputs);
  const names = Object.keys(inputs);
  const before = tf.memory().numTensors;
  let results: Result = {};
  const loss = (...given: tf.Tensor[]): tf.Scalar => {
    const got = call(of, "operation", backend, Object.fromEntries(names.map((name, i) => [name, given[i]!])));
    results = mapped(got as Record<string, tf.Tensor>, (t) => t.dataSync().slice());
    const weights = toTf(cotangentsOf(got as Record<string, tf.Tensor>));
    const parts = Object.entries(got).map(([name, t]) => (t as tf.Tensor).mul(weights[name]!).sum());
    return tf.addN(parts).asScalar();
  };
  const list = tf.grads(loss)(Object.values(inputs));
  const gradients = Object.fromEntries(names.map((name, i) => [name, list[i]!.dataSync().slice()]));
  list.forEach((gradient, i) => expect(gradient.shape).toEqual(Object.values(inputs)[i]!.shape));
  tf.dispose(list);
  const after = tf.memory().numTensors;
  tf.dispose(inputs);
  return { results, gradients, before, after };
}

/** Computes the same by @dlrt/linear-attention. */
function direct(
  of: One,
  backend: Backend<HostTensor>,
  dtype: "f32" | "f64",
): { results: Result; gradients: Result } {
  const inputs = upload(backend, of.inputs, dtype);
  const got = call(of, "forward", backend, inputs) as Record<string, HostTensor>;
  const bars = upload(backend, cotangentsOf(got), dtype);
  const { initialState, ...own } = inputs;
  const how = of.stateful ? { ...of.options, initialState } : of.options;
  const made = of.backward(backend as never, own as never, bars as never, how as never) as Record<
    string,
    HostTensor
  >;
  const read = (tensors: Record<string, HostTensor>): Result => mapped(tensors, (t) => t.data.slice());
  const result = { results: read(got), gradients: read(made) };
  for (const tensors of [inputs, bars, got, made]) disposeAll(tensors);
  return result;
}

describe.each(pairs)("TensorFlow.js on %s, ours on %s", (tfName, name) => {
  let backend: Backend<HostTensor>;
  beforeAll(async () => {
    await tf.setBackend(tfName);
    backend = await createBackend(name);
  });
  afterAll(() => closeEmpty(backend));

  test.each(all)("$name: the bits of @dlrt/linear-attention, forward and back", (of) => {
    const expected = direct(of, backend, "f32");
    const { results, gradients, before, after } = byTf(of, backend);
    expect(results).toEqual(expected.results);
    expect(Object.keys(gradients).sort()).toEqual(Object.keys(expected.gradients).sort());
    expect(gradients).toEqual(expected.gradients);
    for (const [input, data] of Object.entries(gradients))
      expect(
        Array.from(data).some((x) => x !== 0),
        input,
      ).toBe(true);
    expect(after).toBe(before);
  });
});

test("tensors of another backend of TensorFlow.js than the current one are brought over", async () => {
  const backend = await createBackend("wasm");
  const of = all.find(({ name }) => name === "deltaRule")!;
  await tf.setBackend("cpu");
  const { initialState, ...own } = toTf(of.inputs);
  await tf.setBackend("wasm");
  const { output } = of.operation(
    backend as never,
    own as never,
    { ...of.options, initialState } as never,
  ) as { output: tf.Tensor };
  expect(output.dataSync()).toEqual(direct(of, backend, "f32").results["output"]);
  tf.dispose([output, initialState!, ...Object.values(own)]);
  await closeEmpty(backend);
});

describe("gradients beside float64", () => {
  const f64 = createJsBackend();

  /** Computes the sum of the results, each times its cotangent, in float64. */
  function loss(
    of: One,
    inputs: Readonly<Record<string, { data: Float64Array; shape: readonly number[] }>>,
  ): number {
    const tensors = mapped(inputs, ({ data, shape }) =>
      f64.upload({ data, shape: shape as [number, number, number] }),
    );
    const got = call(of, "forward", f64, tensors) as Record<string, HostTensor>;
    let sum = 0;
    for (const [name, { data }] of Object.entries(cotangentsOf(got)))
      data.forEach((weight, i) => (sum += weight * got[name]!.data[i]!));
    for (const all of [tensors, got]) disposeAll(all);
    return sum;
  }

  test.each(all)("$name: central differences along every input", async (of) => {
    await tf.setBackend("wasm");
    const backend = await createBackend("wasm");
    const { gradients } = byTf(of, backend);
    const exact = mapped(of.inputs, ({ data, shape }) => ({ data: Float64Array.from(data), shape }));
    const random = randomFrom(99);
    for (const [name, { data, shape }] of Object.entries(exact)) {
      const direction = data.map(() => random());
      const at = (step: number): number =>
        loss(of, { ...exact, [name]: { shape, data: data.map((x, i) => x + step * direction[i]!) } });
      expect(alongDirection(gradients[name]!, direction, at, 1e-4).error, name).toBeLessThan(1e-6);
    }
    await closeEmpty(backend);
  });

  test.each(all)("$name: the gradients of @dlrt/linear-attention in float64", async (of) => {
    const backend = await createBackend("wasm");
    const { gradients } = byTf(of, backend);
    const expected = direct(of, f64, "f64").gradients;
    for (const [name, exact] of Object.entries(expected))
      expect(difference(gradients[name]!, exact), name).toBeLessThan(2e-6);
    await closeEmpty(backend);
  });

  afterAll(() => closeEmpty(f64));
});
