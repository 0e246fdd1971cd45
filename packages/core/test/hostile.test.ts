import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import * as host from "../src/host.js";
import {
  apply,
  inverse,
  inverseVjp,
  logAbsDet,
  materialize,
  ShapeError,
  solve,
  solveVjp,
  ValueError,
  type HostTensor,
  type Shape,
} from "../src/index.js";
import { checkView, describe as say, packView } from "../src/backend.js";
import { referenceKernels } from "./reference-kernels.js";
import { SpyBackend } from "./spy-backend.js";

/** Returns [1, , 2], an array with a hole. */
const holed = (): unknown[] => Object.assign(Array(3), { 0: 1, 2: 2 });

const any = (value: unknown): never => value as never;

function revoked(target: object = {}): never {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy as never;
}

/**
 * Returns a proxy as Vue's `reactive` makes it: everything that is reached through it is a proxy again, and methods and
 * getters run on the proxy.
 */
function reactive<T extends object>(target: T): T {
  return new Proxy(target, {
    get(from, key, receiver) {
      const value: unknown = Reflect.get(from, key, receiver);
      return typeof value === "object" && value !== null ? reactive(value) : value;
    },
  });
}

describe("what came is said without a throw, and in short", () => {
  const cyclic: unknown[] = [1];
  cyclic.push(cyclic);
  const throwing = Object.defineProperty([0], 0, {
    get: () => {
      throw new Error("getter");
    },
  });
  test.each<[string, unknown, string]>([
    ["a cycle", cyclic, "[1, [1, an array of 2]]"],
    ["holes", holed(), "[1, a hole, 2]"],
    [
      "a huge array",
      Array(1e9),
      "[a hole, a hole, a hole, a hole, a hole, a hole, a hole, a hole, … (1000000000 elements)]",
    ],
    ["no prototype", Object.create(null), "an object (Object)"],
    ["a symbol", Symbol("s"), "Symbol(s)"],
    ["a bigint", 12n, "12n"],
    ["minus zero", -0, "-0"],
    ["a long string", "x".repeat(1e6), `"${"x".repeat(60)}…"`],
    ["a revoked proxy", revoked(), "an object that cannot be looked at"],
    ["a revoked proxy of an array", revoked([]), "an object that cannot be looked at"],
    ["an array whose elements throw", throwing, "an object that cannot be looked at"],
    ["a typed array", new Int8Array(3), "a Int8Array of 3"],
    ["a function", () => 0, "a function"],
    ["undefined", undefined, "undefined"],
  ])("%s", (_, value, said) => {
    expect(say(value)).toBe(said);
  });
});

describe("uploads", () => {
  const backend = new SpyBackend();

  test("holes are no sizes and no strides", () => {
    for (const shape of [Array(3), holed(), revoked([]), [1n, 1n, 1n]]) {
      expect(() => backend.empty(any(shape))).toThrow(ShapeError);
      expect(() => backend.upload({ data: new Float32Array(2), shape: any(shape) })).toThrow(ShapeError);
    }
    const data = new Float32Array(2);
    expect(() => backend.upload({ data, shape: [1, 1, 2], strides: any(holed()) })).toThrow(/^view.strides/);
    expect(() => backend.upload(revoked())).toThrow(/^view: expected a HostView/);
  });

  test("subclasses whose species is another type are taken for what they hold", () => {
    class Odd extends Float32Array {
      static get [Symbol.species](): Float32ArrayConstructor {
        return any(Int8Array);
      }
    }
    const data = new Odd([0.5, 1.5, 2.5, 3.5]);
    expect([...backend.upload({ data, shape: [1, 1, 2], offset: 1 }).data]).toEqual([1.5, 2.5]);
    expect([...backend.upload({ data, shape: [1, 2, 2], strides: [0, 1, 2] }).data]).toEqual([
      0.5, 2.5, 1.5, 3.5,
    ]);
    const foreign = runInNewContext("class A extends Float64Array {}; new A([1, 2])") as Float64Array;
    expect([...backend.upload({ data: foreign, shape: [1, 1, 2] }).data]).toEqual([1, 2]);
  });

  test("a view of no elements is packed at once, however many rows it has", () => {
    const { supports } = backend;
    const view = {
      data: new Float32Array(0),
      shape: [1, 2 ** 53 - 1, 0] as Shape,
      strides: [0, 1, 7] as const,
    };
    expect(packView(checkView(view, supports)).length).toBe(0);
    expect(packView(checkView({ ...view, shape: [2 ** 53 - 1, 2 ** 53 - 1, 0] }, supports)).length).toBe(0);
  });
});

test("what a tensor says of itself cannot be changed", () => {
  const backend = new SpyBackend();
  const asked: number[] = [1, 2, 3];
  const t = backend.empty(any(asked));
  asked[1] = 1000;
  expect(() => (any(t.shape) as number[]).fill(9)).toThrow(TypeError);
  for (const key of ["shape", "dtype", "backend", "disposed"]) {
    expect(() => Object.assign(t, { [key]: 1 })).toThrow(TypeError);
  }
  expect(t.shape).toEqual([1, 2, 3]);
  expect([t.dtype, t.backend, t.disposed]).toEqual(["f32", backend, false]);
});

test("proxies of tensors, operators and backends are refused by name, or harmless", async () => {
  const backend = new SpyBackend(referenceKernels);
  const put = (data: number[], shape: Shape): HostTensor =>
    backend.upload({ data: new Float32Array(data), shape });
  const op = { diag: put([1, 1], [1, 2, 1]), q: put([0, 1], [1, 2, 1]), k: put([1, 0], [1, 2, 1]) };
  const b = put([1, 3], [1, 2, 1]);
  const before = backend.memory();
  const unwrap = (argument: string): RegExp =>
    new RegExp(`^${argument}: expected a .* itself, got a proxy .*toRaw`);
  for (const proxy of [reactive, (t: object) => new Proxy(t, {})]) {
    expect(() => solve(backend, op, any(proxy(b)))).toThrow(unwrap("b"));
    expect(() => solve(backend, op, b, { out: any(proxy(b)) })).toThrow(unwrap("out"));
    expect(() => solve(any(proxy(backend)), op, b)).toThrow(unwrap("backend"));
    await expect(host.solve(any(proxy(backend)), any({}), any(0))).rejects.toThrow(unwrap("backend"));
    await expect(logAbsDet(any(proxy(backend)), op)).rejects.toThrow(unwrap("backend"));
    expect(() => (proxy(b) as HostTensor).dispose()).toThrow(unwrap("tensor"));
  }
  expect(() => solve(backend, reactive(op), b)).toThrow(unwrap("q"));
  expect(solve(backend, new Proxy(op, {}), b, new Proxy({ out: b }, {})).data).toEqual(Float32Array.of(1, 2));
  const bound = new Proxy(backend, { get: (from, key) => Reflect.get(from, key, from) as unknown });
  expect(() => solve(bound, op, b)).toThrow(/^q: .*the backend is a proxy/);
  expect(backend.memory()).toEqual(before);
});

test("revoked proxies and nothing at all are refused by name", async () => {
  const backend = new SpyBackend();
  const t = backend.empty([1, 1, 1]);
  const op = { diag: t, q: t, k: t };
  for (const none of [null, undefined, 5, revoked()]) {
    for (const call of [
      () => solve(backend, any(none), t),
      () => apply(backend, any(none), t),
      () => inverse(backend, any(none)),
      () => materialize(backend, any(none)),
      () => solveVjp(backend, any(none), t, t),
      () => inverseVjp(backend, any(none), t, t),
    ]) {
      expect(call).toThrow(/^op: expected/);
    }
    expect(() => solve(backend, op, any(none))).toThrow(/^b: expected a tensor/);
    expect(() => solve(any(none), op, t)).toThrow(/^backend: expected a Backend/);
    await expect(logAbsDet(any(none), op)).rejects.toThrow(/^backend: expected a Backend/);
    await expect(host.solve(backend, any(none), Float32Array.of(1))).rejects.toThrow(/^op: expected/);
    await expect(backend.read(any(none))).rejects.toThrow(ValueError);
  }
  expect(() => solve(any(Object.create(null)), op, t)).toThrow(/^backend/);
  expect(() =>
    solve(
      backend,
      op,
      any({ ...t, storage: {}, shape: [], disposed: false, backend: { name: Object.create(null) } }),
    ),
  ).toThrow(/^b: expected a tensor of this backend \(spy\), got one of another \(an object \(Object\)\)/);
});
