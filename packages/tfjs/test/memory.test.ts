import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { causalConv, embedding, gatedDeltaRule, gatedRmsNorm, linear } from "../src/index.js";
import { createBackend, pairs } from "./support.js";

/** The steps on each pair of backends: a thousand on the pair with which one trains, fewer on the others. */
const rounds = pairs.map(
  ([tfName, name]) => [tfName, name, tfName === "wasm" && name === "wasm" ? 1000 : 100] as const,
);

describe.each(rounds)("TensorFlow.js on %s, ours on %s", (tfName, name, steps) => {
  test(`${steps} steps of training and as many calls leave no tensor`, async () => {
    await tf.setBackend(tfName);
    const backend = await createBackend(name);
    const [T, D] = [5, 4];
    const table = tf.variable(tf.randomUniform([7, D], -1, 1, "float32", 1));
    const project = tf.variable(tf.randomUniform([D, D], -1, 1, "float32", 2));
    const conv = tf.variable(tf.randomUniform([D, 1, 3], -1, 1, "float32", 3));
    const ids = tf.tensor([0, 6, 2, 2, 1], [1, T], "int32");
    const beta = tf.ones([1, T, 1]);
    const decay = tf.zeros([1, T, 1]);
    const model = (): tf.Scalar => {
      const x = embedding(ids, table);
      const query = linear(x, project);
      const { output: key } = causalConv(backend, { x, weight: conv }, { finalState: true });
      const inputs = { query, key, value: x, beta, decay };
      const { output, finalState } = gatedDeltaRule(backend, inputs, {
        heads: { query: 1 },
        normalizeKeys: true,
        finalState: true,
      });
      const y = gatedRmsNorm(backend, { x: output, gate: query });
      return y.sub(x).square().mean().add(finalState!.square().mean()).asScalar();
    };
    const optimizer = tf.train.adam(1e-3);
    const step = (): void => {
      optimizer.minimize(model);
      tf.tidy(() => model().dataSync());
    };
    for (let i = 0; i < 10; i++) step();
    const before = [
      tf.memory().numTensors,
      tf.memory().numDataBuffers,
      tf.memory().numBytes,
      backend.memory(),
    ];
    const lossBefore = tf.tidy(() => model().dataSync()[0]!);
    for (let i = 0; i < steps; i++) step();
    expect([
      tf.memory().numTensors,
      tf.memory().numDataBuffers,
      tf.memory().numBytes,
      backend.memory(),
    ]).toEqual(before);
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
    expect(tf.tidy(() => model().dataSync()[0]!)).toBeLessThan(lossBefore);
    optimizer.dispose();
    tf.dispose([table, project, conv, ids, beta, decay]);
    await backend.dispose();
  });
});
