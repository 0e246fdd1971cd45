import type { Backend } from "@dlrt/core";
import { describe, expect, test } from "vitest";
import { backends, put, take, type TestBackend } from "./backends.js";
import { errorOf } from "./layers.js";
import { numbers } from "./random.js";
import { arraysOf, cases, type PieceCase } from "./pieces.js";
import { cotangentsOf, gradientsOf, resultShapes, stepsOff, upload, type Arrays } from "./pieces-run.js";

/** Returns the elements of an array along which derivatives are taken: all of a small array, else every 31st. */
const chosen = (array: Float64Array): number[] =>
  Array.from(array.keys()).filter((at) => array.length <= 120 || at % 31 === 0);

/** Computes the derivatives of Σ results ∘ cotangents along these elements, by differences whose own error is of fourth order in h. */
function differences(piece: PieceCase, arrays: Arrays, cotangents: Arrays, name: string): Float64Array {
  const h = 2 ** -12;
  const loss = (index: number, step: number): number => {
    const moved = arrays[name]!.slice();
    moved[index]! += step;
    const results: Record<string, Float64Array> = { ...piece.reference({ ...arrays, [name]: moved }) };
    return Object.entries(cotangents).reduce(
      (sum, [result, bar]) => sum + bar.reduce((part, value, i) => part + value * results[result]![i]!, 0),
      0,
    );
  };
  return Float64Array.from(chosen(arrays[name]!), (index) => {
    const far = loss(index, 2 * h) - loss(index, -2 * h);
    return (8 * (loss(index, h) - loss(index, -h)) - far) / (12 * h);
  });
}

/** Computes, for every element of every gradient, the sum over tokens of the magnitudes of what each adds to it. Rounding is measured by it. */
async function termsOf(
  backend: Backend,
  piece: PieceCase,
  arrays: Arrays,
  cotangents: Arrays,
): Promise<Arrays> {
  const sums: Arrays = {};
  const shapes = resultShapes(piece);
  for (const [result, bar] of Object.entries(cotangents)) {
    const cols = Math.max(1, shapes[result]![2]);
    for (let at = 0; at < bar.length; at += cols) {
      const alone = new Float64Array(bar.length);
      alone.set(bar.subarray(at, at + cols), at);
      const part = await gradientsOf(backend, piece, arrays, { [result]: alone }, "f64");
      for (const [name, terms] of Object.entries(part)) {
        sums[name] ??= new Float64Array(terms.length);
        for (let i = 0; i < terms.length; i++) sums[name][i]! += Math.abs(terms[i]!);
      }
    }
  }
  return sums;
}

/** The error of a sum over tokens, in ε: the 16 that `apply` promises, and one for the rounding of the terms. */
const SUM = 17;
const summed = new Set(["aLog", "dtBias", "weight", "bias"]);

/** Computes what a case's gradients are compared with, which is the same for every backend. */
async function expectationOf(piece: PieceCase) {
  const arrays = arraysOf(piece, 4);
  const cotangents = cotangentsOf(piece, arrays);
  const js = await backends[0]!.create();
  const values = Object.fromEntries(
    Object.keys(piece.shapes).map((name) => [name, differences(piece, arrays, cotangents, name)]),
  );
  return { arrays, cotangents, values, terms: await termsOf(js, piece, arrays, cotangents) };
}

const expectations = new Map<PieceCase, ReturnType<typeof expectationOf>>();

function expectation(piece: PieceCase): ReturnType<typeof expectationOf> {
  const known = expectations.get(piece) ?? expectationOf(piece);
  expectations.set(piece, known);
  return known;
}

describe.each(backends)("$name", (own: TestBackend) => {
  describe.each(cases)("$name", (piece) => {
    test.each(own.dtypes)("%s, against its definition in float64", async (dtype) => {
      const backend = await own.create();
      for (const seed of [1, 2, 3]) {
        const arrays = arraysOf(piece, seed);
        const expected = piece.reference(arrays);
        const inputs = upload(backend, piece, arrays, dtype);
        const before = backend.memory();
        const { output, finalState } = await take(backend, { ...piece.forward(backend, inputs) });
        expect(backend.memory()).toEqual(before);
        for (const t of Object.values(inputs)) t.dispose();
        const off = stepsOff(output!, expected.output, piece.condition(arrays), dtype);
        expect(off).toBeLessThanOrEqual(own.steps[dtype]!);
        expect(expected.output.some((value) => value !== 0)).toBe(true);
        if (expected.finalState) expect(Float64Array.from(finalState!)).toEqual(expected.finalState);
      }
      expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
      await backend.dispose();
    });

    test("gradients of every input", async () => {
      const backend = await own.create();
      const { arrays, cotangents, values: all, terms } = await expectation(piece);
      const exact = await gradientsOf(backend, piece, arrays, cotangents, "f64");
      const f32 = await gradientsOf(backend, piece, arrays, cotangents, "f32");
      for (const [name, gradient] of Object.entries(exact)) {
        const values = all[name]!;
        expect(values.some((value) => value !== 0) || values.length === 0, name).toBe(true);
        const some = Float64Array.from(chosen(arrays[name]!), (at) => gradient[at]!);
        expect(errorOf(some, values), `${name} against differences`).toBeLessThan(2e-10);
        const limit = summed.has(name) ? SUM : own.steps.f32!;
        const off = stepsOff(f32[name]!, Float64Array.from(gradient), terms[name]!, "f32");
        expect(off, `${name}, f32 against f64`).toBeLessThanOrEqual(limit);
      }
      await backend.dispose();
    });

    test("views of a longer array have the bits of copies", async () => {
      const backend = await own.create();
      const name = Object.keys(piece.shapes)[0]!;
      const [batch, tokens, cols] = piece.shapes[name]!;
      const arrays = arraysOf(piece, 5);
      const inputs = upload(backend, piece, arrays, "f32");
      // The view has the tokens from number 2 on, of sequences with three tokens more, and skips a column on either side of each row.
      const wide = numbers(batch * (tokens + 3) * (cols + 2), 9);
      for (let b = 0; b < batch; b++)
        for (let i = 0; i < tokens; i++) {
          const row = arrays[name]!.subarray((b * tokens + i) * cols, (b * tokens + i + 1) * cols);
          wide.set(row, (b * (tokens + 3) + i + 2) * (cols + 2) + 1);
        }
      const whole = put(backend, wide, [batch, tokens + 3, cols + 2], "f32");
      const { row, batch: sequence } = whole.layout;
      const layout = { ...whole.layout, offset: 2 * row + 1, batch: sequence, row };
      const view = backend.view(whole, [batch, tokens, cols], layout);
      const viewed = { ...inputs, [name]: view };
      const outputs = { output: inputs[name]! };
      expect(await take(backend, { ...piece.forward(backend, viewed) })).toEqual(
        await take(backend, { ...piece.forward(backend, inputs) }),
      );
      expect(await take(backend, piece.backward(backend, viewed, { output: view }))).toEqual(
        await take(backend, piece.backward(backend, inputs, outputs)),
      );
      await backend.dispose();
    });
  });
});
