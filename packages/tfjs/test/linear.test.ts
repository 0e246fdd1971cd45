import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { embedding, linear } from "../src/index.js";
import { embed, productRows } from "../src/operations/embedding.js";
import { difference, numbers } from "./support.js";

const [rows, inside, out] = [6, 5, 3];
const x = numbers(1, [2, rows / 2, inside]);
const weight = numbers(2, [1, inside, out]);
const bias = numbers(3, [1, 1, out]);
const bar = numbers(4, [2, rows / 2, out]);

/** Computes x W + b and the gradients of its sum times `bar`, in float64. */
function expected(): Record<string, Float64Array> {
  const of = (length: number, f: (i: number) => number): Float64Array =>
    Float64Array.from({ length }, (_, i) => f(i));
  const sum = (count: number, f: (i: number) => number): number =>
    Array.from({ length: count }, (_, i) => f(i)).reduce((total, term) => total + term, 0);
  const [X, W, b, Y] = [x.data, weight.data, bias.data, bar.data];
  return {
    value: of(rows * out, (i) => {
      const [row, col] = [Math.floor(i / out), i % out];
      return b[col]! + sum(inside, (j) => X[row * inside + j]! * W[j * out + col]!);
    }),
    x: of(rows * inside, (i) => {
      const [row, j] = [Math.floor(i / inside), i % inside];
      return sum(out, (col) => Y[row * out + col]! * W[j * out + col]!);
    }),
    weight: of(inside * out, (i) => {
      const [j, col] = [Math.floor(i / out), i % out];
      return sum(rows, (row) => X[row * inside + j]! * Y[row * out + col]!);
    }),
    bias: of(out, (col) => sum(rows, (row) => Y[row * out + col]!)),
  };
}

describe.each(["cpu", "wasm"])("TensorFlow.js on %s", (name) => {
  beforeAll(() => tf.setBackend(name).then(() => undefined));

  test.each([false, true])(
    "linear, transposeWeight %s: value and gradients beside float64",
    (transposeWeight) => {
      const [X, plain, b] = [
        tf.tensor(x.data, [2, 3, inside]),
        tf.tensor2d(weight.data, [inside, out]),
        tf.tensor1d(bias.data),
      ];
      const W = transposeWeight ? plain.transpose() : plain;
      const before = tf.memory().numTensors;
      const { value, grads } = tf.valueAndGrads((a, w, c) =>
        linear(a!, w!, { bias: c!, transposeWeight })
          .mul(tf.tensor(bar.data, [2, 3, out]))
          .sum(),
      )([X, W, b]);
      const result = linear(X, W, { bias: b, transposeWeight });
      const exact = expected();
      expect(result.shape).toEqual([2, 3, out]);
      expect(difference(result.dataSync(), exact["value"]!)).toBeLessThan(1e-6);
      expect(grads.map(({ shape }) => shape)).toEqual([X.shape, W.shape, b.shape]);
      const toWeight = transposeWeight ? grads[1]!.transpose() : grads[1]!.clone();
      expect(difference(grads[0]!.dataSync(), exact["x"]!)).toBeLessThan(1e-6);
      expect(difference(toWeight.dataSync(), exact["weight"]!)).toBeLessThan(1e-6);
      expect(difference(grads[2]!.dataSync(), exact["bias"]!)).toBeLessThan(1e-6);
      tf.dispose([value, ...grads, result, toWeight]);
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  test("linear multiplies plain matrices alone on wasm", async () => {
    const [X, W] = [tf.tensor(x.data, [2, 3, inside]), tf.tensor2d(weight.data, [inside, out])];
    const products: string[] = [];
    const original = tf.getKernel("BatchMatMul", name)!;
    tf.unregisterKernel("BatchMatMul", name);
    tf.registerKernel({
      ...original,
      kernelFunc: (call) => {
        const { transposeA, transposeB } = call.attrs as { transposeA: boolean; transposeB: boolean };
        const { a, b } = call.inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
        products.push(
          transposeA || transposeB || (a.shape[0] !== 1 && a.shape.length === 3) || b.shape.length > 3
            ? "slow"
            : "plain",
        );
        return original.kernelFunc(call);
      },
    });
    try {
      tf.dispose(tf.grads((a, w) => linear(a!, w!).square().sum())([X, W]));
    } finally {
      tf.unregisterKernel("BatchMatMul", name);
      tf.registerKernel(original);
    }
    expect(products).toHaveLength(3);
    if (name === "wasm") expect(products).toEqual(["plain", "plain", "plain"]);
  });

  test("embedding: rows, and the gradient adds up what a row was read for", () => {
    const table = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
    const ids = tf.tensor([2, 0, 2, 2], [2, 2], "int32");
    const before = tf.memory().numTensors;
    const rowsRead = embedding(ids, table);
    expect(rowsRead.shape).toEqual([2, 2, 2]);
    expect([...rowsRead.dataSync()]).toEqual([5, 6, 1, 2, 5, 6, 5, 6]);
    const weights = tf.tensor([1, 10, 2, 20, 3, 30, 4, 40], [2, 2, 2]);
    const gradient = tf.grad((t) => embedding(ids, t).mul(weights).sum())(table);
    expect([...gradient.dataSync()]).toEqual([2, 20, 0, 0, 8, 80]);
    const ofDevices = tf.grad((t) =>
      embed(productRows, ids, t as tf.Tensor2D)
        .mul(weights)
        .sum(),
    )(table);
    expect([...ofDevices.dataSync()]).toEqual([2, 20, 0, 0, 8, 80]);
    tf.dispose([rowsRead, weights, gradient, ofDevices]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
