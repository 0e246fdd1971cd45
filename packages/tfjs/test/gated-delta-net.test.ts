import { createJsBackend } from "@dlrt/backend-js";
import { ShapeError, ValueError, type Backend, type HostTensor } from "@dlrt/core";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gatedDeltaNet, type GatedDeltaNet, type GatedDeltaNetConfig } from "../src/index.js";
import { buildLayer, config, definition, input, sizes, weightsOf, type Weights } from "./gated-delta-net.js";
import { alongDirection, closeEmpty, difference, numbers, startWasm } from "./support.js";
import { randomFrom } from "../../../tooling/random.mjs";

const [B, T, hidden] = sizes;
const f64 = createJsBackend();
let backend: Backend<HostTensor>;

beforeAll(async () => {
  backend = await startWasm();
});
afterAll(async () => {
  await closeEmpty(backend);
  await closeEmpty(f64);
});

const built = (given: GatedDeltaNetConfig): GatedDeltaNet => buildLayer(backend, given);
const reference = (given: GatedDeltaNetConfig, weights: Weights): Float64Array =>
  definition(f64, given, weights);

describe.each<[string, GatedDeltaNetConfig]>([
  ["as it comes", config],
  [
    "grouped values are not, biases, negative eigenvalues",
    { ...config, numVHeads: 2, convBias: true, allowNegEigval: true },
  ],
  ["without gate and convolution", { ...config, useGate: false, useShortConv: false }],
])("%s", (_, given) => {
  test("the output is that of the layer's definition in float64", () => {
    const layer = built(given);
    const output = layer.apply(input()) as tf.Tensor;
    expect(output.shape).toEqual([B, T, hidden]);
    expect(difference(output.dataSync(), reference(given, weightsOf(layer)))).toBeLessThan(3e-6);
    output.dispose();
    layer.dispose();
  });

  test("the gradient of every weight is a central difference of that definition", () => {
    const layer = built(given);
    const before = tf.memory().numTensors;
    const bar = numbers(2, [B, T, hidden]);
    const { value, grads } = tf.variableGrads(() =>
      (layer.apply(input()) as tf.Tensor)
        .mul(tf.tensor(bar.data, [B, T, hidden]))
        .sum()
        .asScalar(),
    );
    const weights = weightsOf(layer);
    const gradients = Object.entries(grads);
    expect(gradients.length).toBe(Object.keys(weights).length);
    const random = randomFrom(5);
    for (const [full, gradient] of gradients) {
      const name = full.split("/")[1]!.replace(/_\d+$/, "");
      const { data, shape } = weights[name]!;
      const direction = data.map(() => 2 * random());
      const at = (step: number): number => {
        const moved = data.map((w, i) => w + step * direction[i]!);
        const output = reference(given, { ...weights, [name]: { data: moved, shape } });
        return output.reduce((sum, y, i) => sum + y * bar.data[i]!, 0);
      };
      const { size, error } = alongDirection(gradient.dataSync(), direction, at, 1e-5);
      expect(size, name).toBeGreaterThan(0);
      expect(error, name).toBeLessThan(1e-5);
    }
    tf.dispose([value, ...Object.values(grads)]);
    expect(tf.memory().numTensors).toBe(before);
    layer.dispose();
  });
});

test("a seed gives the same weights, none gives others; gates begin as FLA's do", () => {
  const [one, two, free] = [config, config, { ...config, seed: undefined }].map((given) =>
    weightsOf(built(given)),
  );
  expect(one).toEqual(two);
  expect(free!["q_proj.weight"]!.data).not.toEqual(one!["q_proj.weight"]!.data);
  const many = weightsOf(built({ headDim: 1, numHeads: 200, expandV: 1, seed: 1 }));
  const steps = Array.from(many["dt_bias"]!.data, (b) => Math.log1p(Math.exp(b)));
  const factors = Array.from(many["A_log"]!.data, Math.exp);
  expect(Math.min(...steps)).toBeGreaterThan(0.00099);
  expect(Math.max(...steps)).toBeLessThan(0.1001);
  expect(Math.max(...factors)).toBeLessThan(16.001);
  expect(Math.max(...factors)).toBeGreaterThan(14);
});

test("a model with the layer trains", async () => {
  const Layer = gatedDeltaNet(backend);
  const model = tf.sequential({ layers: [new Layer({ ...config, inputShape: [T, hidden] })] });
  model.compile({ optimizer: tf.train.adam(1e-2), loss: "meanSquaredError" });
  const target = tf.tensor(numbers(8, [B, T, hidden]).data, [B, T, hidden]);
  const losses: number[] = [];
  for (let i = 0; i < 20; i++) losses.push((await model.trainOnBatch(input(), target)) as number);
  expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]!);
  model.dispose();
});

test("bad configurations and inputs", () => {
  const Layer = gatedDeltaNet(backend);
  const bad: [GatedDeltaNetConfig | object, string][] = [
    [{ headDim: 0 }, "headDim"],
    [{ numHeads: 1.5 }, "numHeads"],
    [{ numHeads: 2, numVHeads: 3 }, "numVHeads"],
    [{ headDim: 3, expandV: 1.5 }, "expandV"],
    [{ useGate: 1 }, "useGate"],
    [{ normEps: 0 }, "normEps"],
    [{ seed: 0.5 }, "seed"],
    [{ heads: 2 }, "config"],
  ];
  for (const [given, argument] of bad) {
    const error = (() => {
      try {
        return new Layer(given as never);
      } catch (thrown) {
        return thrown as ValueError;
      }
    })();
    expect(error, argument).toBeInstanceOf(ValueError);
    expect((error as ValueError).argument).toBe(argument);
  }
  expect(() => new Layer(config).apply(tf.zeros([2, 3]))).toThrow(ShapeError);
  expect(() => new Layer(config).checkpoint()).toThrow(ValueError);
  expect(() => gatedDeltaNet({} as never)).toThrow(ValueError);
});
