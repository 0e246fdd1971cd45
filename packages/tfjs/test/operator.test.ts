import { createJsBackend } from "@dlrt/backend-js";
import { apply as coreApply, applyVjp, solve as coreSolve, type Backend, type HostTensor } from "@dlrt/core";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apply, solve } from "../src/index.js";
import {
  alongDirection,
  closeEmpty,
  createBackend,
  difference,
  largest,
  mapped,
  numbers,
  pairs,
  toTf,
  upload,
  type Numbers,
} from "./support.js";
import { randomFrom } from "../../../tooling/random.mjs";

const [batch, n, r, p] = [2, 13, 3, 4];
const given: Numbers = {
  diag: numbers(1, [batch, n, 1], (x) => 2 + x),
  q: numbers(2, [batch, n, r]),
  k: numbers(3, [batch, n, r]),
  decay: numbers(4, [batch, n, 1], (x) => x - 1),
  right: numbers(5, [batch, n, p]),
  initialState: numbers(6, [batch, r, p]),
};
const weights: Numbers = { output: numbers(7, [batch, n, p]), finalState: numbers(8, [batch, r, p]) };
const f64 = createJsBackend();

/** Computes the sum of the results, each times its weights, by core in float64. */
function exactly(
  name: "solve" | "apply",
  numbersOf: Readonly<Record<string, ArrayLike<number>>>,
  trans: boolean,
): number {
  const tensors = mapped(given, ({ shape }, key) =>
    f64.upload({ data: Float64Array.from(numbersOf[key]!), shape }),
  );
  const { right, initialState, ...op } = tensors;
  const finalState = f64.empty([batch, r, p], "f64");
  const options = { trans, alpha: 1.5, initialState: initialState!, finalState };
  const output = (name === "solve" ? coreSolve : coreApply)(f64, op as never, right!, options);
  const dot = (t: HostTensor, { data }: Numbers[string]): number =>
    data.reduce((sum, w, i) => sum + w * t.data[i]!, 0);
  const sum = dot(output, weights["output"]!) + dot(finalState, weights["finalState"]!);
  for (const t of [...Object.values(tensors), finalState, output]) t.dispose();
  return sum;
}

describe.each(pairs)("TensorFlow.js on %s, ours on %s", (tfName, name) => {
  let backend: Backend<HostTensor>;
  beforeAll(async () => {
    await tf.setBackend(tfName);
    backend = await createBackend(name);
  });
  afterAll(() => closeEmpty(backend));

  test.each([
    ["solve", false],
    ["solve", true],
    ["apply", false],
    ["apply", true],
  ] as const)("%s, trans %s: value and every gradient beside float64", (operation, trans) => {
    const inputs = toTf(given);
    const before = tf.memory().numTensors;
    const loss = (...[diag, q, k, decay, right, initialState]: tf.Tensor[]): tf.Scalar => {
      const op = { diag, q: q!, k: k!, decay };
      const options = { trans, alpha: 1.5, initialState, finalState: true };
      const { output, finalState } = (operation === "solve" ? solve : apply)(backend, op, right!, options);
      const [w, v] = Object.values(toTf(weights));
      return output.mul(w!).sum().add(finalState!.mul(v!).sum()).asScalar();
    };
    const { value, grads } = tf.valueAndGrads(loss)(Object.values(inputs));
    const exact = mapped(given, ({ data }) => Float64Array.from(data));
    const expected = exactly(operation, exact, trans);
    expect(Math.abs(value.dataSync()[0]! - expected) / Math.abs(expected)).toBeLessThan(1e-5);
    const random = randomFrom(31);
    Object.keys(given).forEach((input, i) => {
      const gradient = grads[i]!.dataSync();
      const direction = exact[input]!.map(() => random());
      const at = (step: number): number =>
        exactly(
          operation,
          { ...exact, [input]: exact[input]!.map((x, j) => x + step * direction[j]!) },
          trans,
        );
      expect(largest(gradient), input).toBeGreaterThan(0);
      expect(alongDirection(gradient, direction, at, 1e-5).error, input).toBeLessThan(1e-6);
    });
    tf.dispose([value, ...grads]);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose(inputs);
  });

  test("without diag, decay and states", () => {
    const { q, k, right } = given;
    const inputs = toTf({ q: q!, k: k!, right: right! });
    const { output, finalState } = apply(backend, { q: inputs["q"]!, k: inputs["k"]! }, inputs["right"]!);
    expect(finalState).toBeUndefined();
    const own = upload(f64, { q: q!, k: k!, right: right! }, "f64");
    const expected = coreApply(f64, { q: own["q"]!, k: own["k"]! }, own["right"]!);
    expect(difference(output.dataSync(), expected.data)).toBeLessThan(1e-6);
    const gradient = tf.grad((x) => apply(backend, { q: inputs["q"]!, k: inputs["k"]! }, x).output.sum())(
      inputs["right"]!,
    );
    const ones = f64.upload({ data: new Float64Array(batch * n * p).fill(1), shape: [batch, n, p] });
    const back = applyVjp(f64, { q: own["q"]!, k: own["k"]! }, own["right"]!, ones);
    expect(difference(gradient.dataSync(), back.x.data)).toBeLessThan(1e-6);
    gradient.dispose();
    for (const t of [...Object.values(own), ...Object.values(back), ones, expected]) t.dispose();
    tf.dispose([...Object.values(inputs), output]);
  });
});

afterAll(() => closeEmpty(f64));
