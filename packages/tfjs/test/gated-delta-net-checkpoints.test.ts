// What a layer is saved as and loaded from: a model of TensorFlow.js, and a checkpoint of flash-linear-attention.
import { DtypeError, ShapeError, ValueError, type Backend, type HostTensor } from "@dlrt/core";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { gatedDeltaNet, type GatedDeltaNet, type GatedDeltaNetConfig } from "../src/index.js";
import { buildLayer, config, input, sizes, weightsOf } from "./gated-delta-net.js";
import { closeEmpty, startWasm } from "./support.js";

const hidden = sizes[2];
let backend: Backend<HostTensor>;

beforeAll(async () => {
  backend = await startWasm();
});
afterAll(() => closeEmpty(backend));

const built = (given: GatedDeltaNetConfig): GatedDeltaNet => buildLayer(backend, given);

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
  expect(to.checkpoint()["A_log"]!.dataSync()).toHaveLength(4); // the weights are copies, which the other layer does not take along
  to.dispose();
});
