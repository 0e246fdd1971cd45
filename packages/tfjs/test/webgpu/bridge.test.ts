import { createJsBackend } from "@dlrt/backend-js";
import { createWebGpuBackend, nodeGpu, type WebGpuBackend } from "@dlrt/backend-webgpu/node";
import { UnsupportedError, type Backend, type HostTensor } from "@dlrt/core";
import * as layers from "@dlrt/linear-attention";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { causalConv, embedding, gatedDeltaRule, gatedRmsNorm, linear } from "../../src/index.js";
import { closeEmpty, difference, mapped, numbers, toTf, upload, type Numbers } from "../support.js";
import { startTf } from "./device.js";

const [B, T, H, K, V] = [2, 19, 2, 4, 8];
const given: Numbers = {
  query: numbers(1, [B, T, H * K]),
  key: numbers(2, [B, T, H * K]),
  value: numbers(3, [B, T, H * V]),
  beta: numbers(4, [B, T, H], (x) => x / 2 + 0.5),
  decay: numbers(5, [B, T, H], (x) => x - 1),
  initialState: numbers(6, [B * H, K, V]),
};
const options = { heads: { query: H }, normalizeKeys: true };
const js = createJsBackend();
let backend: WebGpuBackend;

beforeAll(async () => {
  backend = await startTf();
});
afterAll(async () => {
  await closeEmpty(backend as unknown as Backend);
  await closeEmpty(js);
});

/** Computes output, final state and the gradients of the sum of their squares, in float64. */
function expected(all: Numbers, twice = 1): Record<string, ArrayLike<number>> {
  const tensors = upload(js, all, "f64");
  const { initialState, ...inputs } = tensors;
  const how = { ...options, initialState: initialState!, finalState: true };
  const { output, finalState } = layers.gatedDeltaRule(js, inputs as never, how);
  const bars = mapped({ output, finalState: finalState! }, ({ data, shape }) =>
    js.upload({ data: data.map((x) => 2 * twice * x) as Float64Array, shape }),
  );
  const gradients = layers.gatedDeltaRuleVjp(js, inputs as never, bars, {
    ...options,
    initialState: initialState!,
  });
  const made = { ...gradients, output, finalState: finalState! } as Record<string, HostTensor>;
  const result = mapped(made, ({ data }) => data.slice());
  for (const t of [...Object.values(tensors), ...Object.values(bars), ...Object.values(made)]) t.dispose();
  return result;
}

test("a layer and its gradients, of fresh tensors and of computed ones, beside float64", async () => {
  const exact = expected(given);
  const fresh = toTf(given);
  const computed = mapped(toTf(given), (t) => t.mul(2).div(2)); // these are on the device alone
  for (const inputs of [fresh, computed]) {
    const results: Record<string, tf.Tensor> = {};
    const grads = tf.grads((...tensors: tf.Tensor[]) => {
      const [query, key, value, beta, decay, initialState] = tensors as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ];
      const { output, finalState } = gatedDeltaRule(
        backend,
        { query, key, value, beta, decay },
        { ...options, initialState, finalState: true },
      );
      Object.assign(results, { output: tf.keep(output.clone()), finalState: tf.keep(finalState!.clone()) });
      return output.square().sum().add(finalState!.square().sum());
    })(Object.values(inputs));
    Object.keys(inputs).forEach((name, i) => (results[name] = grads[i]!));
    for (const [name, t] of Object.entries(results)) {
      expect(difference(await t.data(), exact[name]!), name).toBeLessThan(3e-6);
      t.dispose();
    }
  }
  tf.dispose([fresh, computed]);
});

test("what TensorFlow.js recorded before is there, what it records after sees the result, and buffers come round", async () => {
  const start = toTf(given);
  const results: tf.Tensor[] = [];
  for (let i = 0; i < 8; i++) {
    const result = tf.tidy(() => {
      const value = start["value"]!.mul(i + 1).add(0); // TensorFlow.js has not submitted this when the layer takes it
      const inputs = { ...start, value } as never;
      const { initialState, ...own } = inputs as Record<string, tf.Tensor>;
      const { output } = gatedDeltaRule(backend, own as never, {
        ...options,
        initialState: initialState!.mul(i + 1),
      });
      return output.mul(1 / (i + 1)); // the output is linear in the values and the state
    });
    results.push(result);
  }
  const { output } = expected(given);
  for (const result of results) expect(difference(await result.data(), output!)).toBeLessThan(3e-6);
  tf.dispose([start, results]);
});

test("training: the loss falls, and neither side's tensors nor buffers grow", async () => {
  const D = 4;
  const table = tf.variable(tf.randomUniform([7, D], -1, 1, "float32", 1));
  const project = tf.variable(tf.randomUniform([D, D], -1, 1, "float32", 2));
  const conv = tf.variable(tf.randomUniform([D, 1, 3], -1, 1, "float32", 3));
  const ids = tf.tensor([0, 6, 2, 2, 1], [1, 5], "int32");
  const [beta, decay] = [tf.ones([1, 5, 1]), tf.zeros([1, 5, 1])];
  const model = (): tf.Scalar => {
    const x = embedding(ids, table);
    const query = linear(x, project);
    const { output: key } = causalConv(backend, { x, weight: conv });
    const { output } = gatedDeltaRule(
      backend,
      { query, key, value: x, beta, decay },
      { heads: { query: 1 }, normalizeKeys: true },
    );
    return gatedRmsNorm(backend, { x: output, gate: query }).sub(x).square().mean().asScalar();
  };
  const optimizer = tf.train.adam(1e-2);
  const step = async (): Promise<number> => {
    const loss = optimizer.minimize(model, true)!;
    const [value] = await loss.data();
    loss.dispose();
    return value!;
  };
  const state = (): unknown => {
    const { numTensors, numBytesInGPU } = tf.memory() as tf.MemoryInfo & { numBytesInGPU: number };
    return [numTensors, numBytesInGPU, backend.memory()];
  };
  const first = await step();
  for (let i = 0; i < 4; i++) await step();
  const before = state();
  for (let i = 0; i < 20; i++) await step();
  expect(await step()).toBeLessThan(first);
  expect(state()).toEqual(before);
  optimizer.dispose();
  tf.dispose([table, project, conv, ids, beta, decay]);
});

test("a backend on a device of its own is refused", async () => {
  const other = await createWebGpuBackend({ gpu: await nodeGpu(), selfTest: false });
  const { initialState, ...inputs } = toTf(given);
  expect(() => gatedDeltaRule(other, inputs as never, { ...options, initialState })).toThrow(
    UnsupportedError,
  );
  expect(() => gatedDeltaRule(other, inputs as never, options)).toThrow("two devices");
  tf.dispose([inputs, initialState!]);
  await closeEmpty(other as unknown as Backend);
});

test("no token at all", () => {
  const inputs = {
    query: tf.zeros([1, 0, 4]),
    key: tf.zeros([1, 0, 4]),
    value: tf.zeros([1, 0, 8]),
    beta: tf.zeros([1, 0, 1]),
    decay: tf.zeros([1, 0, 1]),
  };
  const { output } = gatedDeltaRule(backend, inputs, { heads: { query: 1 } });
  expect(output.shape).toEqual([1, 0, 8]);
  tf.dispose([inputs, output]);
});
