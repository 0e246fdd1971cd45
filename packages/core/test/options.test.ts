import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import * as host from "../src/host.js";
import {
  apply,
  applyVjp,
  inverse,
  inverseVjp,
  solve,
  solveVjp,
  trilInverse,
  ValueError,
  type HostTensor,
  type Shape,
} from "../src/index.js";
import { checkOptions } from "../src/backend.js";
import { SpyBackend } from "./spy-backend.js";

const names = ["trans", "alpha", "out", "initialState", "finalState", "chunk", "check"];

function thrownBy(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("expected an error");
}

const messageOf = (options: unknown, among = names): string => {
  const error = thrownBy(() => checkOptions("options", options, among));
  expect(error).toBeInstanceOf(ValueError);
  expect(error).toMatchObject({ argument: "options" });
  return error.message;
};

describe("names of options", () => {
  test("those allowed pass, undefined among their values", () => {
    class Defaults {
      readonly trans = true;
      describe(): void {}
    }
    const right: unknown[] = [
      undefined,
      {},
      { trans: undefined, alpha: 2 },
      Object.assign(Object.create(null), { chunk: 3 }),
      runInNewContext("({ chunk: 3 })"),
      new Proxy({ chunk: 3 }, {}),
      new Defaults(),
      Object.defineProperty({}, "hidden", { value: 1, enumerable: false }),
      Object.create({ inherited: 1 }),
    ];
    for (const options of right) {
      expect(() => checkOptions("options", options, names)).not.toThrow();
    }
  });

  test.each([
    ["transpose", "trans"],
    ["transposed", "trans"],
    ["Trans", "trans"],
    ["tran", "trans"],
    ["scale", "alpha"],
    ["alhpa", "alpha"],
    ["state", "initialState"],
    ["initial_state", "initialState"],
    ["final_state", "finalState"],
    ["finalstate", "finalState"],
    ["output", "out"],
    ["chunkSize", "chunk"],
    ["chunk_size", "chunk"],
    ["checks", "check"],
  ])("%s: did you mean %s?", (wrong, right) => {
    expect(messageOf({ [wrong]: undefined })).toBe(
      `options: expected no option but ${names.join(", ")}, got "${wrong}" (did you mean ${right}?)`,
    );
  });

  test("what resembles nothing gets no suggestion, and what is no object is said", () => {
    expect(messageOf({ banana: 1 })).toBe(
      `options: expected no option but ${names.join(", ")}, got "banana"`,
    );
    expect(messageOf({ constructor: 1 })).not.toContain("mean");
    expect(messageOf({ ["x".repeat(1e6)]: 1 }).length).toBeLessThan(300);
    expect(messageOf({ treads: 2 }, ["name", "threads"])).toContain("did you mean threads?");
    expect(messageOf({ a: 1 }, [])).toBe('options: expected no option, got "a"');
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const throwing = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new RangeError("trap");
        },
      },
    );
    const none = [null, [], [1], 1, "x", true, Symbol("s"), 1n, () => 0, new Map(), Promise.resolve()];
    for (const options of [...none, new Float32Array(0), new Float32Array(2), revoked.proxy, throwing]) {
      expect(messageOf(options)).toMatch(/^options: expected an object with options, got ./);
    }
  });
});

describe("every verb refuses a misspelt option and options that are none, before anything else", () => {
  test("tensors in", () => {
    const backend = new SpyBackend();
    const scope: HostTensor[] = [];
    const make = (shape: Shape): HostTensor => {
      const t = backend.empty(shape);
      scope.push(t);
      return t;
    };
    const op = { diag: make([1, 2, 1]), q: make([1, 2, 1]), k: make([1, 2, 1]) };
    const [b, square] = [make([1, 2, 1]), make([1, 2, 2])];
    const verbs: ((options: never) => unknown)[] = [
      (options) => solve(backend, op, b, options),
      (options) => apply(backend, op, b, options),
      (options) => inverse(backend, op, options),
      (options) => trilInverse(backend, square, options),
      (options) => solveVjp(backend, op, b, b, options),
      (options) => applyVjp(backend, op, b, b, options),
      (options) => inverseVjp(backend, op, square, square, options),
    ];
    for (const verb of verbs) {
      expect(() => verb({ chunks: 3 } as never)).toThrow(/^options: expected .*got "chunks"/);
      expect(() => verb(null as never)).toThrow(/^options: expected an object with options, got null/);
    }
    for (const t of scope) t.dispose();
    untouched(backend);
  });

  test("arrays in", async () => {
    const backend = new SpyBackend();
    const one = Float32Array.of(1, 1);
    const op = { shape: [1, 2, 1] as const, diag: one, q: one, k: one };
    const verbs: ((options: never) => Promise<unknown>)[] = [
      (options) => host.solve(backend, op, one, options),
      (options) => host.apply(backend, op, one, options),
      (options) => host.inverse(backend, op, options),
      (options) => host.solveVjp(backend, op, one, one, options),
      (options) => host.applyVjp(backend, op, one, one, options),
      (options) => host.inverseVjp(backend, op, new Float32Array(4), new Float32Array(4), options),
    ];
    for (const verb of verbs) {
      await expect(verb({ chunks: 3 } as never)).rejects.toThrow(/^options: .*\(did you mean chunk\?\)/);
      await expect(verb(null as never)).rejects.toThrow(
        /^options: expected an object with options, got null/,
      );
    }
    untouched(backend);
  });
});

function untouched(backend: SpyBackend): void {
  expect(backend.calls).toEqual([]);
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
}
