/** Holds the gradients that layers are judged by to central differences of the references, in float64. */
import { describe, expect, test } from "vitest";
import { makeCotangents, makeData } from "../src/layers/data.js";
import { allLayers } from "../src/layers/definition.js";
import { plainProblem } from "../src/layers/design.js";
import { referenceGradients } from "../src/layers/gradient-reference.js";
import { referenceProblem, type LayerProblem } from "../src/layers/problem.js";

const LONG = process.env["DLRT_LONG"] !== undefined;
const STEP = 2 ** -17;

const dot = (x: Float64Array, y: Float64Array): number =>
  x.reduce((sum, value, at) => sum + value * y[at]!, 0);

/** Compares every `stride`th element of every gradient with the central difference of the loss. */
function expectDifferences(problem: LayerProblem, stride: number): void {
  const { layer } = problem;
  const { inputs, initialState } = makeData(problem);
  const cotangents = makeCotangents(problem);
  const right = referenceGradients(problem, { inputs, initialState }, cotangents);
  const loss = (changed: Readonly<Record<string, Float64Array>>): number => {
    const { initialState: state, ...own } = { ...inputs, initialState: initialState!, ...changed };
    const { output, finalState } = layer.reference(referenceProblem(problem, state), own);
    return dot(output, cotangents.output) + dot(finalState, cotangents.finalState);
  };
  const { output, finalState } = layer.reference(referenceProblem(problem, initialState), inputs);
  expect([right.output, right.finalState]).toEqual([output, finalState]);
  for (const [name, own] of Object.entries({ ...inputs, initialState: initialState! })) {
    const gradient = right.gradients[name]!;
    expect(gradient.length).toBe(own.length);
    const largest = gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest, name).toBeGreaterThan(0);
    for (let at = 0; at < own.length; at += stride) {
      const moved = (step: number): number => {
        const array = own.slice();
        array[at]! += step;
        return loss({ [name]: array });
      };
      const difference = (moved(STEP) - moved(-STEP)) / (2 * STEP);
      // A central difference loses two things: the rounding of a loss of about a hundred, divided by the step, and the
      // third derivative times the square of the step.
      expect(Math.abs(gradient[at]! - difference), `${name} ${at}`).toBeLessThan(1e-7 * largest);
    }
  }
}

describe.each(allLayers.map((layer, which) => ({ layer, which, name: layer.name })))(
  "$name",
  ({ layer, which }) => {
    const heads = { query: 8, key: 2, value: 4 };
    const small = { tokens: 9, keyWidth: 5, valueWidth: 3, heads, seed: which };

    test("shared heads, 9 tokens, every element", () => expectDifferences(plainProblem(layer, small), 1));

    test("gates that forget, normalised keys, packed sequences", () => {
      // Where the decay's rate and Δ are both inputs, the loss bends too much at a decay of e^−100 for differences to follow it.
      const decay = layer.name === "ssd" ? "model" : "mixed";
      const sequences = [0, 3, 3, 4, 9];
      expectDifferences(plainProblem(layer, { ...small, decay, sequences, eps: 0.1 }), 1);
    });

    test("T = 65, K = 24, V = 40, H = 2", () => {
      const own = { tokens: 65, keyWidth: 24, valueWidth: 40, seed: which };
      expectDifferences(plainProblem(layer, own), LONG ? 1 : 331);
    }, 3_600_000);
  },
);
