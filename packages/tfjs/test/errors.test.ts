import { createJsBackend } from "@dlrt/backend-js";
import { DisposedError, DtypeError, ShapeError, UnsupportedError, ValueError } from "@dlrt/core";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apply, causalConv, deltaRule, embedding, linear, solve } from "../src/index.js";
import { closeEmpty, toTf } from "./support.js";
import { cases } from "./cases.js";

const backend = createJsBackend();
const { inputs: given } = cases.find(({ name }) => name === "deltaRule")!;
const heads = { query: 2 };
type Inputs = Parameters<typeof deltaRule>[1];
let inputs: Inputs;

await tf.setBackend("cpu");
beforeAll(() => {
  inputs = toTf(given) as never;
});
afterAll(async () => {
  tf.dispose(inputs as never);
  await closeEmpty(backend);
});

/** Returns the error of a call, which must leave nothing behind. */
function errorOf(call: () => unknown): Error & { readonly argument?: string } {
  const before = [tf.memory().numTensors, backend.memory()];
  try {
    call();
  } catch (error) {
    expect([tf.memory().numTensors, backend.memory()]).toEqual(before);
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

const calling = (changed: object, options: object = { heads }): (() => unknown) => {
  return () => deltaRule(backend, { ...inputs, ...changed } as never, options as never);
};

describe("a layer", () => {
  const gone = tf.tensor([1]);
  gone.dispose();
  test.each<[string, new (...args: never[]) => Error, string, () => unknown]>([
    ["no tensor", ValueError, "query", calling({ query: [1] })],
    ["another name", ValueError, "inputs", calling({ gate: 1 })],
    ["inputs that are none", ValueError, "inputs", () => deltaRule(backend, undefined as never, { heads })],
    ["options that are none", ValueError, "options", calling({}, 3 as never)],
    ["an option of another name", ValueError, "options", calling({}, { heads, chunks: 1 })],
    ["no heads", ValueError, "heads", calling({}, {})],
    [
      "a tensor for the final state",
      ValueError,
      "finalState",
      () => calling({}, { heads, finalState: inputs.query })(),
    ],
    ["a disposed tensor", DisposedError, "value", calling({ value: gone })],
    ["no backend", ValueError, "backend", () => deltaRule({} as never, inputs, { heads })],
  ])("%s", (_, type, argument, call) => {
    const error = errorOf(call);
    expect(error).toBeInstanceOf(type);
    expect(error.argument).toBe(argument);
  });

  test("a tensor of the backend", () => {
    const key = backend.empty([2, 19, 8]);
    const error = errorOf(calling({ key }));
    expect(error.message).toBe("key: expected a tensor of TensorFlow.js, got an object (Object)");
    key.dispose();
  });

  test("integers, two axes, other sizes", () => {
    const int = tf.zeros([2, 19, 8], "int32");
    const flat = tf.zeros([38, 8]);
    const short = tf.zeros([2, 18, 8]);
    const errors = [calling({ key: int }), calling({ query: flat }), calling({ key: short })].map(errorOf);
    expect(errors.map((error) => error.constructor)).toEqual([DtypeError, ShapeError, ShapeError]);
    expect(errors.map((error) => error.argument)).toEqual(["key", "query", "key"]);
    expect(errors.map((error) => error.message)).toEqual([
      "key: expected float32, got int32",
      "query: expected three axes, got 38 × 8",
      "key: expected 19 rows, got 18",
    ]);
    tf.dispose([int, flat, short]);
  });

  test("a backend on another device than TensorFlow.js", () => {
    const gpu = {
      kernels: {},
      disposed: false,
      name: "webgpu",
      device: {},
      wrap: () => undefined,
      record: () => undefined,
    };
    const error = errorOf(() => deltaRule(gpu as never, inputs, { heads }));
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(error.message).toContain('TensorFlow.js on "cpu"');
  });

  test("a backend of another kind whose tensors the host cannot read", () => {
    const disposed: unknown[] = [];
    const remote = {
      ...{ kernels: {}, disposed: false, name: "remote" },
      upload: () => ({ dispose: () => disposed.push(1) }),
    };
    expect(errorOf(() => deltaRule(remote as never, inputs, { heads }))).toBeInstanceOf(UnsupportedError);
    expect(disposed).toEqual([1]);
  });
});

test("the other operations name what is wrong", () => {
  const [a, b, c] = [tf.zeros([1, 3, 2]), tf.zeros([1, 3, 1]), tf.zeros([2])];
  const ids = tf.tensor1d([0, 5], "int32");
  const calls: [string, new (...args: never[]) => Error, () => unknown][] = [
    ["options", ValueError, () => solve(backend, { diag: b, q: a, k: a }, a, { check: true } as never)],
    ["diag", ValueError, () => solve(backend, { q: a, k: a }, a)],
    ["op", ValueError, () => solve(backend, { diag: b, q: a, k: a, g: a } as never, a)],
    ["x", ShapeError, () => apply(backend, { q: a, k: a }, c)],
    ["weight", ShapeError, () => causalConv(backend, { x: a, weight: c })],
    ["x", ValueError, () => linear(3 as never, a)],
    ["weight", ShapeError, () => linear(a, b)],
    ["bias", ShapeError, () => linear(a, tf.zeros([2, 4]), { bias: c })],
    ["options", ValueError, () => linear(a, c, { transpose: true } as never)],
    ["ids", DtypeError, () => embedding(c, c)],
    ["table", ShapeError, () => embedding(ids, c)],
    ["ids", ValueError, () => embedding(ids, tf.zeros([2, 2]))],
  ];
  for (const [argument, type, call] of calls) {
    const error = (() => {
      try {
        return tf.tidy(() => void call());
      } catch (thrown) {
        return thrown as Error & { argument: string };
      }
    })();
    expect(error, argument).toBeInstanceOf(type);
    expect((error as { argument: string }).argument).toBe(argument);
  }
  tf.dispose([a, b, c, ids]);
});

test("a derivative of a gradient is refused, not 0", () => {
  const square = (q: tf.Tensor): tf.Scalar =>
    deltaRule(backend, { ...inputs, query: q }, { heads })
      .output.square()
      .sum()
      .asScalar();
  expect(() => tf.tidy(() => tf.grad((q) => tf.grad(square)(q).sum())(inputs.query))).toThrow(
    UnsupportedError,
  );
  const twice = (w: tf.Tensor): tf.Tensor =>
    tf
      .grad((v) =>
        linear(v, tf.ones([2, 2]))
          .square()
          .sum(),
      )(w)
      .sum();
  expect(() => tf.tidy(() => tf.grad(twice)(tf.ones([3, 2])))).toThrow(UnsupportedError);
  tf.dispose(tf.grad(square)(inputs.query));
});

test("where the function that is differentiated throws, the next gradient lets go of what was kept for it", () => {
  const broken = (q: tf.Tensor): tf.Scalar => {
    deltaRule(backend, { ...inputs, query: q }, { heads });
    throw new Error("elsewhere");
  };
  expect(() => tf.grad(broken)(inputs.query)).toThrow("elsewhere");
  expect(backend.memory().tensors).toBeGreaterThan(0);
  tf.dispose(tf.grad((q) => linear(q, tf.ones([8, 1])))(inputs.query));
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("a result that the loss does not need is let go with the tape", () => {
  const loss = (q: tf.Tensor): tf.Scalar => {
    deltaRule(backend, { ...inputs, query: q }, { heads });
    return q.square().sum().asScalar();
  };
  tf.dispose(tf.grad(loss)(inputs.query));
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});
