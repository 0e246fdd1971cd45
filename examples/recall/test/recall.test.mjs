import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createWasmBackend } from "@dlrt/backend-wasm";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createModel, MIXERS } from "../model.mjs";
import { batchOf, randomFrom, sequenceOf, TASK, tokensOf, vocabularyOf } from "../recall.mjs";
import { accuracyOf, train } from "../train.mjs";

const task = { keys: 3, values: 4, pairs: 6 };
const sizes = { width: 16, heads: 2, inner: 16, taps: 3 };
let backend;

beforeAll(async () => {
  await tf.setBackend("wasm");
  backend = await createWasmBackend({ threads: 1 });
});
afterAll(() => backend.dispose());

describe("the task", () => {
  test("answers are the last values, keys are overwritten, a seed repeats it", () => {
    const random = randomFrom(7);
    let overwritten = 0;
    for (let i = 0; i < 50; i++) {
      const { pairs, questions, answers } = sequenceOf(random, TASK);
      expect(pairs).toHaveLength(32);
      expect([...questions].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      questions.forEach((key, j) => {
        const values = pairs.filter(([k]) => k === key).map(([, value]) => value);
        expect(answers[j]).toBe(values.at(-1));
        overwritten += values.length - 1;
      });
    }
    expect(overwritten).toBe(50 * (32 - 8));
    expect(batchOf(randomFrom(1), task, 2)).toEqual(batchOf(randomFrom(1), task, 2));
    expect(batchOf(randomFrom(1), task, 2)).not.toEqual(batchOf(randomFrom(2), task, 2));
  });

  test("a batch has pairs of tokens, then the questions", () => {
    const { tokens, answers } = batchOf(randomFrom(3), task, 2);
    const { pairs, questions, answers: first } = sequenceOf(randomFrom(3), task);
    const expected = [...pairs.flatMap(([key, value]) => [key, task.keys + value]), ...questions];
    expect([...tokens.slice(0, tokensOf(task))]).toEqual(expected);
    expect([...answers.slice(0, task.keys)]).toEqual(first);
  });
});

/** Draws a batch as tensors, which are the caller's to dispose. */
function tensorsOf(seed, batch) {
  const { tokens, answers } = batchOf(randomFrom(seed), task, batch);
  return [
    tf.tensor2d(tokens, [batch, tokensOf(task)], "int32"),
    tf.tensor2d(answers, [batch, task.keys], "int32"),
  ];
}

/** Computes the loss from the model's logits, summed in float64. */
function lossOf(model, tokens, answers) {
  const logits = tf.tidy(() => model.logits(tokens).dataSync());
  const V = vocabularyOf(task);
  const ids = answers.dataSync();
  let sum = 0;
  ids.forEach((answer, i) => {
    const row = Array.from(logits.slice(i * V, (i + 1) * V));
    sum += Math.log(row.reduce((total, x) => total + Math.exp(x), 0)) - row[task.keys + answer];
  });
  return sum / ids.length;
}

describe.each(Object.keys(MIXERS))("%s", (mixer) => {
  test("directional derivatives through the whole model are finite differences", () => {
    const model = createModel({ mixer, backend, task, sizes });
    const [tokens, answers] = tensorsOf(5, 4);
    const { value, grads } = tf.variableGrads(() => model.loss(tokens, answers));
    expect(Math.abs(value.dataSync()[0] - lossOf(model, tokens, answers))).toBeLessThan(1e-5);
    expect(Object.keys(grads)).toHaveLength(Object.keys(model.weights).length);
    const random = randomFrom(11);
    const h = 1e-3;
    for (const [name, variable] of Object.entries(model.weights)) {
      const gradient = grads[variable.name].dataSync();
      const size = Math.hypot(...gradient);
      const noise = Float32Array.from(gradient, () => random() - 0.5);
      const length = Math.hypot(...noise);
      const direction = gradient.map((g, i) => g / size + noise[i] / length);
      const before = variable.dataSync().slice();
      const at = (step) => {
        variable.assign(
          tf.tensor(
            before.map((w, i) => w + step * direction[i]),
            variable.shape,
          ),
        );
        return lossOf(model, tokens, answers);
      };
      const measured = (at(h) - at(-h)) / (2 * h);
      at(0);
      const expected = gradient.reduce((sum, g, i) => sum + g * direction[i], 0);
      expect(size, name).toBeGreaterThan(1e-3);
      expect(Math.abs(measured - expected) / (2 * size), name).toBeLessThan(4e-3);
    }
    tf.dispose([value, grads, tokens, answers]);
    model.dispose();
  });

  test("the loss falls, and nothing is left of a step", async () => {
    const model = createModel({ mixer, backend, task, sizes });
    const told = [];
    await train(model, task, {
      steps: 60,
      batch: 16,
      rate: 1e-2,
      every: 10,
      onProgress: (p) => told.push(p),
    });
    expect(told.map(({ step }) => step)).toEqual([10, 20, 30, 40, 50, 60]);
    expect(told.at(-1).loss).toBeLessThan(0.8 * told[0].loss);
    expect(told.at(-1).loss).toBeLessThan(Math.log(task.values));
    for (const { accuracy, seconds } of told) {
      expect(accuracy).toBeGreaterThanOrEqual(0);
      expect(seconds).toBeGreaterThan(0);
    }
    const counts = [tf.memory().numTensors, backend.memory()];
    await train(model, task, { steps: 5, batch: 16 });
    expect([tf.memory().numTensors, backend.memory()]).toEqual(counts);
    model.dispose();
  });
});

test("a seed gives the same training, to the bit; another seed another", async () => {
  const run = async (seed) => {
    const model = createModel({ mixer: "delta rule", backend, task, sizes, seed });
    let loss;
    await train(model, task, { steps: 3, batch: 4, seed, onProgress: (p) => (loss = p.loss) });
    const accuracy = await accuracyOf(model, task, { seed: 1, batches: 1 });
    model.dispose();
    return [loss, accuracy];
  };
  expect(await run(1)).toEqual(await run(1));
  expect(await run(2)).not.toEqual(await run(1));
});

test("an abort ends training between two steps, with its reason, and leaves nothing behind", async () => {
  const model = createModel({ mixer: "delta rule", backend, task, sizes });
  const stop = new AbortController();
  const reason = new Error("enough");
  const before = tf.memory().numTensors;
  const training = train(model, task, {
    steps: 1000,
    batch: 4,
    every: 1,
    signal: stop.signal,
    onProgress: ({ step }) => step === 3 && stop.abort(reason),
  });
  await expect(training).rejects.toBe(reason);
  expect(tf.memory().numTensors).toBe(before);
  model.dispose();
});

test("the model has the size that is said", () => {
  const model = createModel({ mixer: "delta rule", backend, task: TASK });
  expect([model.parameters, model.tokens]).toEqual([44128, 72]);
  model.dispose();
});

test("the program runs, and refuses what it does not know", () => {
  const main = fileURLToPath(new URL("../main.mjs", import.meta.url));
  const run = (...args) =>
    execFileSync(process.execPath, [main, ...args], { encoding: "utf8", stdio: "pipe" });
  const printed = run("--steps", "2", "--only", "delta rule");
  expect(printed).toContain("delta rule: 44128 parameters, 72 tokens");
  expect(printed).toMatch(/final accuracy +\d+\.\d %, loss \d+\.\d+, \d+ s/);
  expect(() => run("--only", "attention")).toThrow(/Command failed/);
});
