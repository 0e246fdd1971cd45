import { createJsBackend } from "@dlrt/backend-js";
import type { HostTensor } from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import { describe, expect, test } from "vitest";
import type { ReferenceProblem } from "../src/reference/index.js";
import { all, errorOf, inputsOf, named, stateShape, upload } from "./layers.js";
import { randomFrom } from "../../../tooling/random.mjs";
import { exactInputs, slice } from "./sequence-cut.js";

const base = { batch: 2, heads: { query: 4, key: 2, value: 4 }, keyWidth: 5, valueWidth: 3 };
const problemOf = (tokens: number, own: Partial<ReferenceProblem> = {}): ReferenceProblem => ({
  ...base,
  tokens,
  ...own,
});

const rowsOf = (t: HostTensor): Float64Array => Float64Array.from(readView(t));

describe.each(all)("$name", (layer) => {
  test.each([
    [33, 16],
    [33, 32],
    [17, 1],
  ])("%d tokens in one go and cut at %d, states in either layout", (tokens, cut) => {
    const problem = problemOf(tokens);
    const backend = createJsBackend();
    const tensors = upload(backend, layer, problem, inputsOf(layer, problem, "typical", 31), "f32");
    const whole = layer.forward(backend, tensors, { heads: problem.heads, finalState: true });
    for (const stateLayout of ["kv", "vk"] as const) {
      const options = { heads: problem.heads, stateLayout };
      const first = layer.forward(backend, slice(backend, layer, problem, tensors, 0, cut), {
        ...options,
        finalState: true,
      });
      // The second piece writes its final state over its initial one.
      const state = first.finalState!;
      const second = layer.forward(backend, slice(backend, layer, problem, tensors, cut, tokens), {
        ...options,
        initialState: state,
        finalState: state,
      });
      expect(second.finalState).toBe(state);
      const cols = whole.output.shape[2];
      const both = new Float64Array(2 * tokens * cols);
      for (const b of [0, 1]) {
        both.set(rowsOf(first.output).subarray(b * cut * cols, (b + 1) * cut * cols), b * tokens * cols);
        const rest = (tokens - cut) * cols;
        both.set(rowsOf(second.output).subarray(b * rest, (b + 1) * rest), (b * tokens + cut) * cols);
      }
      expect(errorOf(both, rowsOf(whole.output))).toBeLessThan(1e-6);
      const [count, K, V] = stateShape(problem);
      const shape = stateLayout === "kv" ? [count, K, V] : [count, V, K];
      expect(state.shape).toEqual(shape);
      const expected = rowsOf(whole.finalState!);
      const kv =
        stateLayout === "kv"
          ? rowsOf(state)
          : expected.map((_, at) => {
              const [n, i, j] = [Math.floor(at / (K * V)), Math.floor(at / V) % K, at % V];
              return rowsOf(state)[n * K * V + j * K + i]!;
            });
      expect(errorOf(kv, expected)).toBeLessThan(1e-6);
    }
  });

  test("packed sequences have the bits of separate ones, whatever stands beside them", () => {
    const bounds = [0, 15, 16, 49];
    const problem = problemOf(49, { batch: 1 });
    const backend = createJsBackend();
    const tensors = upload(backend, layer, problem, inputsOf(layer, problem, "typical", 32), "f32");
    const sequences = Int32Array.from(bounds);
    const packed = layer.forward(backend, tensors, { heads: problem.heads, finalState: true, sequences });
    const cols = packed.output.shape[2];
    const states = rowsOf(packed.finalState!);
    const size = states.length / 3;
    for (let n = 0; n < 3; n++) {
      const [from, to] = [bounds[n]!, bounds[n + 1]!];
      const piece = slice(backend, layer, problem, tensors, from, to);
      const alone = layer.forward(backend, piece, { heads: problem.heads, finalState: true });
      expect(rowsOf(alone.output)).toEqual(rowsOf(packed.output).slice(from * cols, to * cols));
      expect(rowsOf(alone.finalState!)).toEqual(states.slice(n * size, (n + 1) * size));
    }
  });

  test("sequences that do not follow each other without a gap give the same bits", () => {
    const problem = problemOf(20);
    const backend = createJsBackend();
    const tensors = upload(backend, layer, problem, inputsOf(layer, problem, "typical", 33), "f32");
    const views = slice(backend, layer, problem, tensors, 2, 19);
    const copies = Object.fromEntries(
      Object.entries(views).map(([name, t]) => [name, backend.upload({ data: readView(t), shape: t.shape })]),
    );
    const options = { heads: problem.heads };
    const got = layer.forward(backend, views, options);
    expect(rowsOf(got.output)).toEqual(rowsOf(layer.forward(backend, copies, options).output));
    const cotangents = { output: got.output };
    const gradients = layer.backward(backend, views, cotangents, options);
    const expected = layer.backward(backend, copies, cotangents, options);
    for (const [name, t] of Object.entries(gradients))
      expect(rowsOf(t), name).toEqual(rowsOf(expected[name]!));
  });
});

describe.each(all.filter(({ name }) => name !== "retention" && name !== "ssd"))(
  "exact class: $name",
  (layer) => {
    test.each(["f32", "f64"] as const)("%s", (dtype) => {
      for (const tokens of [1, 16, 33]) {
        const problem = problemOf(tokens, { scale: 0.5 });
        const backend = createJsBackend();
        const arrays = exactInputs(layer, problem, tokens);
        const { output, finalState } = layer.forward(
          backend,
          upload(backend, layer, problem, arrays, dtype),
          {
            heads: problem.heads,
            scale: 0.5,
            finalState: true,
          },
        );
        const expected = layer.reference(problem, arrays);
        expect(expected.output.some((value) => value !== 0)).toBe(true);
        expect(errorOf(readView(output), expected.output)).toBe(0);
        expect(errorOf(readView(finalState!), expected.finalState)).toBe(0);
      }
    });
  },
);

test("the gradient through normalised keys is finite where keys are zero", () => {
  const layer = named("gatedDeltaRule");
  const problem = problemOf(17);
  const backend = createJsBackend();
  const arrays = inputsOf(layer, problem, "typical", 5);
  const zeros = {
    ...arrays,
    key: new Float64Array(arrays["key"]!.length),
    query: arrays["query"]!.fill(0, 0, 60),
  };
  const tensors = upload(backend, layer, problem, zeros, "f32");
  const options = { heads: problem.heads, normalizeKeys: true };
  const { output } = layer.forward(backend, tensors, options);
  const ones = backend.upload({ data: new Float32Array(1).fill(1), shape: output.shape, strides: [0, 0, 0] });
  const gradients = layer.backward(backend, tensors, { output: ones }, options);
  for (const [name, t] of Object.entries(gradients))
    expect(readView(t).every(Number.isFinite), name).toBe(true);
});

test("the gradient of a V×K state is the transpose of that of a K×V one", () => {
  for (const layer of [named("gatedDeltaRule"), named("dplr")]) {
    const problem = problemOf(17);
    const backend = createJsBackend();
    const tensors = upload(backend, layer, problem, inputsOf(layer, problem, "typical", 6), "f64");
    const [count, K, V] = stateShape(problem);
    const random = randomFrom(3);
    const data = Float64Array.from({ length: count * K * V }, random);
    const kv = backend.upload({ data, shape: [count, K, V] });
    const vk = backend.upload({ data, shape: [count, V, K], strides: [K * V, 1, V] });
    const gradient = (state: HostTensor, stateLayout: "kv" | "vk") =>
      layer.backward(
        backend,
        tensors,
        { finalState: state },
        { heads: problem.heads, initialState: state, stateLayout },
      )["initialState"]!;
    const [a, b] = [gradient(kv, "kv"), gradient(vk, "vk")];
    expect(b.shape).toEqual([count, V, K]);
    const transposed = backend.upload({ data: readView(a), shape: [count, V, K], strides: [K * V, 1, V] });
    expect(readView(b)).toEqual(readView(transposed));
  }
});
