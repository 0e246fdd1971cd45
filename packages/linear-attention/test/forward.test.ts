import { createJsBackend } from "@dlrt/backend-js";
import type { Dtype } from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import { describe, expect, test } from "vitest";
import { ifLong } from "./long.js";
import type { ReferenceProblem } from "../src/reference/index.js";
import { all, errorOf, inputsOf, stateShape, typed, upload, type Decay } from "./layers.js";
import { numbers } from "./random.js";

const T = [0, 1, 15, 16, 17, 33, 65];
const decays: readonly Decay[] = [0, -1e-8, -3, -20, -100, -Infinity, "mixed", "typical"];
const heads = {
  equal: { query: 2, key: 2, value: 2 },
  "grouped queries": { query: 4, key: 2, value: 2 },
  "grouped values": { query: 2, key: 2, value: 4 },
  "shared queries": { query: 1, key: 4, value: 4 },
  "fewer values": { query: 4, key: 4, value: 2 },
  "all different": { query: 6, key: 1, value: 3 },
  "grouped values, modulo": { query: 2, key: 2, value: 4, order: "modulo" },
  "grouped queries, modulo": { query: 4, key: 2, value: 2, order: "modulo" },
  "shared queries, modulo": { query: 2, key: 4, value: 4, order: "modulo" },
  "fewer values, modulo": { query: 4, key: 4, value: 2, order: "modulo" },
  "all different, modulo": { query: 6, key: 1, value: 3, order: "modulo" },
} as const;

/** How far a result may be off, relative to the largest element of what it is compared with. */
const limits = { f32: 1e-6, f64: 2e-14 } as const;

describe.each(all)("$name", (layer) => {
  const expectLayer = (
    problem: ReferenceProblem,
    decay: Decay,
    seed: number,
    dtypes: readonly Dtype[] = ["f32", "f64"],
  ): void => {
    const backend = createJsBackend();
    const arrays = inputsOf(layer, problem, decay, seed);
    const expected = layer.reference(problem, arrays);
    for (const dtype of dtypes) {
      const tensors = upload(backend, layer, problem, arrays, dtype);
      const { initialState: given } = problem;
      const initialState = given && backend.upload({ data: typed(given, dtype), shape: stateShape(problem) });
      const before = backend.memory();
      const { output, finalState } = layer.forward(backend, tensors, {
        heads: problem.heads,
        initialState,
        finalState: true,
        normalizeKeys: problem.normalizeKeys,
        sequences: problem.sequences,
      });
      const what = `T ${problem.tokens}, decay ${decay}, ${JSON.stringify(problem.heads)}, ${dtype}`;
      expect(backend.memory().tensors - before.tensors, what).toBe(2);
      for (const [got, right] of [
        [output, expected.output],
        [finalState!, expected.finalState],
      ] as const) {
        const name = got === output ? "output" : "state";
        expect(errorOf(readView(got), right), `${name}, ${what}`).toBeLessThanOrEqual(limits[dtype]);
        got.dispose();
      }
      expect(backend.memory()).toEqual(before);
    }
  };

  const problemOf = (tokens: number, own: Partial<ReferenceProblem> = {}): ReferenceProblem => {
    const problem = { batch: 2, tokens, heads: heads.equal, keyWidth: 5, valueWidth: 3, ...own };
    const [count, K, V] = stateShape(problem);
    return { ...problem, initialState: numbers(count * K * V, tokens + 7) };
  };

  test.each(T)("%d tokens, every decay", (tokens) => {
    for (const [index, decay] of decays.entries()) expectLayer(problemOf(tokens), decay, 100 + index);
  });

  test.each(Object.entries(heads))("%s", (_, own) => {
    for (const tokens of ifLong([1, 17, 33], [1, 17]))
      for (const decay of ["typical", "mixed"] as const)
        expectLayer(problemOf(tokens, { heads: own }), decay, tokens);
  });

  test("normalised keys, K = 24, V = 40", () => {
    const own = { keyWidth: 24, valueWidth: 40, normalizeKeys: { eps: 1e-6 } };
    expectLayer(problemOf(65, own), "typical", 5);
  });

  test("packed sequences, an empty one among them", () => {
    for (const own of [heads.equal, heads["grouped queries"], heads["grouped values"]]) {
      const sequences = Int32Array.of(0, 15, 15, 16, 48, 65);
      expectLayer(problemOf(65, { batch: 1, heads: own, sequences }), "typical", 3, ["f32"]);
      expectLayer(problemOf(65, { batch: 1, heads: own, sequences }), "mixed", 4, ["f64"]);
    }
  });
});
