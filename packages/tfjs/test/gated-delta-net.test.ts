import { createJsBackend } from "@dlrt/backend-js";
import { DtypeError, ShapeError, ValueError, type Backend, type HostTensor, type Shape } from "@dlrt/core";
import * as layers from "@dlrt/linear-attention";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gatedDeltaNet, type GatedDeltaNet, type GatedDeltaNetConfig } from "../src/index.js";
import { alongDirection, closeEmpty, createBackend, difference, numbers } from "./support.js";
import { randomFrom } from "../../../tooling/random.mjs";

const [B, T, hidden] = [2, 11, 6];
const config = { headDim: 4, numHeads: 2, numVHeads: 4, expandV: 1.5, seed: 3 };
const x = numbers(1, [B, T, hidden]);
const input = (): tf.Tensor => tf.tensor(x.data, [B, T, hidden]);
const f64 = createJsBackend();
let backend: Backend<HostTensor>;

beforeAll(async () => {
  await tf.setBackend("wasm");
  backend = await createBackend("wasm");
});
afterAll(async () => {
  await closeEmpty(backend);
  await closeEmpty(f64);
});

function built(given: GatedDeltaNetConfig): GatedDeltaNet {
  const layer = new (gatedDeltaNet(backend))(given);
  tf.dispose(layer.apply(input()) as tf.Tensor);
  return layer;
}

type Weights = Readonly<Record<string, { readonly data: Float64Array; readonly shape: readonly number[] }>>;

function weightsOf(layer: GatedDeltaNet): Weights {
  const entries = Object.entries(layer.checkpoint());
  return Object.fromEntries(
    entries.map(([name, t]) => [name, { data: Float64Array.from(t.dataSync()), shape: t.shape }]),
  );
}

/** The layer as flash-linear-attention has it, in float64, from `@dlrt/linear-attention` and plain loops. */
function reference(given: GatedDeltaNetConfig, weights: Weights): Float64Array {
  const { headDim = 0, numHeads = 0, numVHeads = numHeads, expandV = 2, allowNegEigval = false } = given;
  const made: HostTensor[] = [];
  const own = (t: HostTensor): HostTensor => (made.push(t), t);
  const upload = (data: Float64Array, shape: readonly number[]): HostTensor =>
    own(f64.upload({ data, shape: shape as unknown as Shape }));
  const rows = B * T;
  const project = (from: Float64Array, name: string): HostTensor => {
    const { data, shape } = weights[`${name}.weight`]!;
    const [out, inside] = shape as [number, number];
    const result = new Float64Array(rows * out);
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < out; j++)
        for (let k = 0; k < inside; k++)
          result[i * out + j]! += from[i * inside + k]! * data[j * inside + k]!;
    return upload(result, [B, T, out]);
  };
  const silu = (t: HostTensor): HostTensor =>
    upload(
      Float64Array.from(t.data, (z) => z / (1 + Math.exp(-z))),
      t.shape,
    );
  const source = Float64Array.from(x.data);
  const through = (name: string): HostTensor => {
    const projected = project(source, `${name}_proj`);
    const taps = weights[`${name}_conv1d.weight`];
    if (!taps) return silu(projected);
    const bias = weights[`${name}_conv1d.bias`];
    const inputs = {
      x: projected,
      weight: upload(taps.data, taps.shape),
      bias: bias && upload(bias.data, [1, 1, bias.data.length]),
    };
    return own(layers.causalConv(f64, inputs, { activation: "silu" }).output);
  };
  const vector = (name: string): HostTensor =>
    upload(weights[name]!.data, [1, 1, weights[name]!.data.length]);
  const gate = { a: project(source, "a_proj"), aLog: vector("A_log"), dtBias: vector("dt_bias") };
  const inputs = {
    query: through("q"),
    key: through("k"),
    value: through("v"),
    beta: own(layers.betaGate(f64, { b: project(source, "b_proj") }, { scale: allowNegEigval ? 2 : 1 })),
    decay: own(layers.gdnGate(f64, gate)),
  };
  const options = { heads: { query: numHeads, value: numVHeads }, normalizeKeys: true };
  const { output } = layers.gatedDeltaRule(f64, inputs, options);
  const norm = { x: own(output), weight: vector("o_norm.weight"), gate: undefined as HostTensor | undefined };
  if (weights["g_proj.weight"]) norm.gate = project(source, "g_proj");
  const normed = own(layers.gatedRmsNorm(f64, norm, { heads: numVHeads, eps: 1e-5 }));
  expect(normed.shape[2]).toBe(numVHeads * headDim * expandV);
  const result = project(normed.data as Float64Array, "o_proj").data.slice() as Float64Array;
  for (const t of made) t.dispose();
  return result;
}

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

test("the names and shapes are those of flash-linear-attention's checkpoints", () => {
  const layer = built({ ...config, convBias: true });
  const shapes = Object.entries(layer.checkpoint()).map(([name, { shape }]) => `${name} ${shape.join("×")}`);
  expect(shapes).toEqual([
    "q_proj.weight 8×6",
    "k_proj.weight 8×6",
    "v_proj.weight 24×6",
    "a_proj.weight 4×6",
    "b_proj.weight 4×6",
    "A_log 4",
    "dt_bias 4",
    "q_conv1d.weight 8×1×4",
    "q_conv1d.bias 8",
    "k_conv1d.weight 8×1×4",
    "k_conv1d.bias 8",
    "v_conv1d.weight 24×1×4",
    "v_conv1d.bias 24",
    "g_proj.weight 24×6",
    "o_norm.weight 6",
    "o_proj.weight 6×24",
  ]);
  layer.dispose();
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

test("a model is saved and loaded, configuration and weights", async () => {
  const Layer = gatedDeltaNet(backend);
  const model = tf.sequential({
    layers: [
      new Layer({ ...config, name: "mixer", inputShape: [null, hidden] }),
      tf.layers.dense({ units: 3 }),
    ],
  });
  const expected = model.predict(input()) as tf.Tensor;
  let saved: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    }),
  );
  const names = saved!.weightSpecs!.map(({ name }) => name);
  expect(names.slice(0, 3)).toEqual(["mixer/q_proj.weight", "mixer/k_proj.weight", "mixer/v_proj.weight"]);
  expect(JSON.stringify(saved!.modelTopology)).toContain('"num_v_heads":4');
  const topology = JSON.parse(JSON.stringify(saved!.modelTopology)) as object;
  const again = await tf.loadLayersModel(tf.io.fromMemory({ ...saved!, modelTopology: topology }));
  const got = again.predict(input()) as tf.Tensor;
  expect([...got.dataSync()]).toEqual([...expected.dataSync()]);
  tf.dispose([expected, got]);
  model.dispose();
  again.dispose();
});

test("a checkpoint is loaded by its names, with a prefix, or not at all", () => {
  const [from, to] = [built(config), built({ ...config, seed: 9 })];
  const tensors = Object.fromEntries(
    Object.entries(from.checkpoint()).map(([name, t]) => [`model.layers.0.attn.${name}`, t]),
  );
  const before = weightsOf(to);
  const wrong = { ...tensors, "model.layers.0.attn.o_proj.weight": tf.zeros([24, 6]) };
  expect(() => to.loadCheckpoint(wrong, "model.layers.0.attn.")).toThrow(ShapeError);
  expect(() =>
    to.loadCheckpoint(
      { ...tensors, "model.layers.0.attn.A_log": tf.zeros([4], "int32") },
      "model.layers.0.attn.",
    ),
  ).toThrow(DtypeError);
  expect(() => to.loadCheckpoint(tensors)).toThrow(ValueError);
  expect(weightsOf(to)).toEqual(before);
  to.loadCheckpoint(tensors, "model.layers.0.attn.");
  expect(weightsOf(to)).toEqual(weightsOf(from));
  from.dispose();
  expect(to.checkpoint()["A_log"]!.dataSync()).toHaveLength(4); // a copy
  to.dispose();
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
