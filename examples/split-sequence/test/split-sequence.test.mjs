import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as layers from "@dlrt/linear-attention";
import { describe, expect, test } from "vitest";
import { createBackend } from "../backend.mjs";
import { splitSequence } from "../split-sequence.mjs";

const [T, H, K, V] = [97, 2, 6, 4];

/** Returns a function that draws numbers from −1 to 1 from a seed (mulberry32). */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

/** Draws the inputs of a layer; where `exact` is true, they are small integers, unit keys, and gates of 0 and −∞. */
function inputsOf(names, type, exact) {
  const random = randomFrom(11);
  const pick = (...of) => of[Math.floor(((random() + 1) / 2) * of.length) % of.length];
  const widths = { query: K, key: K, value: V, beta: 1, decay: names.includes("a") ? K : 1, a: K, b: K };
  const number = {
    query: () => (exact ? pick(-1, 0, 1) : random()),
    key: () => 0.6 * random(),
    value: () => (exact ? pick(-1, 0, 1) : random()),
    beta: () => (exact ? pick(0, 1, 2) : 1 + random()),
    decay: () => (exact ? pick(0, 0, 0, 0, 0, -Infinity) : pick(-0.1, -1e-8, 0, -3)),
    a: () => 0.3 * random(),
    b: () => 0.3 * random(),
  };
  const arrays = names.map((name) => {
    const cols = H * widths[name];
    const data = new type(T * cols);
    if (exact && ["key", "a", "b"].includes(name)) {
      for (let at = 0; at < data.length; at += K)
        data[at + pick(0, 1, 2, 3, 4, 5)] = name === "a" ? pick(-1, 0) : pick(-1, 1);
    } else data.forEach((_, at) => (data[at] = number[name]()));
    return [name, { data, shape: [1, T, cols] }];
  });
  const cotangent = { data: new type(T * H * V).map(() => number.value()), shape: [1, T, H * V] };
  return { inputs: Object.fromEntries(arrays), cotangent };
}

/** Computes the same in one piece. */
async function inOnePiece(layerName, backendName, { inputs, cotangent }, options) {
  const backend = await createBackend(backendName);
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, view]) => [name, backend.upload(view)]),
  );
  const shape = [H, K, V];
  const type = cotangent.data.constructor;
  const initialState = backend.upload({ data: new type(H * K * V), shape });
  const { output, finalState } = layers[layerName](backend, tensors, {
    ...options,
    initialState,
    finalState: true,
  });
  const bar = { output: backend.upload(cotangent) };
  const gradients = layers[`${layerName}Vjp`](backend, tensors, bar, { ...options, initialState });
  const read = {};
  for (const [name, t] of Object.entries({ output, finalState, ...gradients }))
    read[name] = await backend.read(t);
  await backend.dispose();
  return read;
}

const names = {
  gla: ["query", "key", "value"],
  gatedDeltaRule: ["query", "key", "value", "beta", "decay"],
  simpleGla: ["query", "key", "value", "decay"],
  dplr: ["query", "key", "value", "a", "b", "decay"],
};

async function expectOnePiece(layerName, backendName, workers, type, exact) {
  const problem = inputsOf(names[layerName], type, exact);
  const options = { heads: { query: H }, scale: 0.5 };
  const { output, finalState, gradients, initialState, passed, left } = await splitSequence({
    layerName,
    backendName,
    workers,
    options,
    ...problem,
  });
  const whole = await inOnePiece(layerName, backendName, problem, options);
  const views = { output, finalState, initialState, ...gradients };
  expect(Object.keys(views).sort()).toEqual(Object.keys(whole).sort());
  const limit = exact ? 0 : type === Float32Array ? 2e-6 : 1e-14;
  for (const [name, { data }] of Object.entries(views)) {
    expect(data.length, name).toBe(whole[name].length);
    const size = Math.max(...whole[name].map(Math.abs)) || 1;
    const difference = data.reduce((most, x, i) => Math.max(most, Math.abs(x - whole[name][i])), 0);
    expect(difference / size, name).toBeLessThanOrEqual(limit);
  }
  expect(passed).toEqual({ forward: K * K + K * V, back: K * V });
  for (const memory of left) expect(memory).toEqual({ tensors: 0, bytes: 0 });
  return whole;
}

describe.each(["js", "wasm"])("%s", (backendName) => {
  test.each([
    ["gatedDeltaRule", 2],
    ["gatedDeltaRule", 4],
    ["simpleGla", 4],
    ["dplr", 4],
  ])("%s over %d workers, forward and backward, within rounding of one piece", async (layerName, workers) => {
    for (const type of [Float32Array, Float64Array])
      await expectOnePiece(layerName, backendName, workers, type, false);
  });

  test.each([
    ["gatedDeltaRule", 2],
    ["gatedDeltaRule", 4],
    ["simpleGla", 2],
    ["dplr", 4],
  ])("%s over %d workers: small integers give the same bits", async (layerName, workers) => {
    const whole = await expectOnePiece(layerName, backendName, workers, Float32Array, true);
    for (const [name, data] of Object.entries(whole)) {
      if (name === "initialState") continue; // a reset of every channel lets nothing come back
      expect(
        data.some((x) => x !== 0),
        name,
      ).toBe(true);
    }
  });
});

test("the program runs", () => {
  const main = fileURLToPath(new URL("../main.mjs", import.meta.url));
  const lines = execFileSync(process.execPath, [main], { encoding: "utf8" }).trim().split("\n");
  expect(lines).toEqual([
    "passed a head and piece: 8192 numbers forward, 4096 back",
    "largest difference from one piece, relative: below 1e-6",
  ]);
});
