import { expect, test } from "vitest";
import * as host from "../src/host.js";
import { ShapeError, SingularError, solve, type Shape } from "../src/index.js";
import * as reference from "../src/reference/index.js";
import { referenceKernels } from "./reference-kernels.js";
import { SpyBackend } from "./spy-backend.js";

const plus = (x: ArrayLike<number>): number[] => Array.from(x, (value) => value + 0); // −0 is 0
const of = (...values: number[]): Float64Array => Float64Array.from(values);
const op = { shape: [1, 3, 1] as const, diag: of(1, 2, -1), q: of(0, 1, 1), k: of(2, 3, 0) };

test("plain arrays: the same verbs, everything disposed, also when a call fails", async () => {
  const backend = new SpyBackend(referenceKernels);
  const unit = { ...op, diag: of(1, 1, 1) };
  expect(await host.materialize(backend, unit)).toEqual(of(1, 0, 0, 2, 1, 0, 2, 3, 1));
  expect(await host.solve(backend, unit, of(1, 3, 8))).toEqual(of(1, 1, 3));
  expect(await host.apply(backend, unit, of(1, 1, 3))).toEqual(of(1, 3, 8));
  expect(plus(await host.inverse(backend, unit))).toEqual([1, 0, 0, -2, 1, 0, 4, -3, 1]);
  expect(await host.logAbsDet(backend, unit)).toEqual(of(0));
  expect(plus(await host.trilInverse(backend, of(2, 9, 1, 4), [1, 2, 2]))).toEqual([0.5, 0, -0.125, 0.25]);
  const z = of(10);
  await host.solve(backend, unit, of(1, 3, 8), { initialState: z, finalState: z });
  expect(z).toEqual(of(10 + 2 * 1 + 3 * (3 - 12)));
  const one = of(1, 1, 1);
  const { b } = await host.solveVjp(backend, unit, of(1, 1, 3), one);
  expect(plus(b)).toEqual(plus(await host.solve(backend, unit, one, { trans: true })));
  expect(new Set(Object.keys(await host.applyVjp(backend, unit, one, one)))).toEqual(
    new Set(["diag", "q", "k", "x"]),
  );
  const y = (await host.inverse(backend, unit)) as Float64Array;
  expect(new Set(Object.keys(await host.inverseVjp(backend, unit, y, y)))).toEqual(
    new Set(["diag", "q", "k"]),
  );
  const calls = backend.calls.length;
  await expect(host.solve(backend, unit, of(1, 2))).rejects.toThrow(/^b: expected a multiple/);
  await expect(host.solve(backend, { ...unit, k: one.slice(1) }, one)).rejects.toThrow(
    /^k: expected 3 elements/,
  );
  await expect(host.solve(backend, unit, [1, 2, 3] as never)).rejects.toThrow(/^b: expected a Float32Array/);
  await expect(host.solve(backend, unit, one, { initialState: one })).rejects.toThrow(
    /^initialState: expected 1 elements/,
  );
  await expect(host.solve(null as never, unit, one)).rejects.toThrow(/^backend/);
  await expect(host.solve(backend, null as never, one)).rejects.toThrow(/^op/);
  expect(backend.calls.length).toBe(calls);
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("an empty piece hands its state on, and takes p from it", async () => {
  const backend = new SpyBackend(referenceKernels);
  const empty = { shape: [1, 0, 1] as const, diag: of(), q: of(), k: of() };
  for (const verb of [host.solve, host.apply]) {
    const [initialState, finalState] = [of(7, 8), of(0, 0)];
    expect(await verb(backend, empty, of(), { initialState, finalState })).toEqual(of());
    expect(finalState).toEqual(of(7, 8));
    expect(await verb(backend, empty, of(), { finalState })).toEqual(of());
    expect(finalState).toEqual(of(0, 0));
    expect(await verb(backend, empty, of(), { initialState, finalState: initialState })).toEqual(of());
    expect(initialState).toEqual(of(7, 8));
    await expect(verb(backend, empty, of(1))).rejects.toThrow(ShapeError);
    await expect(verb(backend, empty, of(), { initialState, finalState: of(0) })).rejects.toThrow(
      /^finalState/,
    );
    const wide = { ...empty, shape: [1, 0, 2] as const };
    await expect(verb(backend, wide, of(), { initialState: of(1, 2, 3) })).rejects.toThrow(
      /^initialState: expected a multiple of batch·r = 2/,
    );
  }
  const gradients = await host.solveVjp(backend, empty, of(), of(), {
    initialState: of(7),
    finalStateCotangent: of(3),
  });
  expect(gradients).toEqual({ diag: of(), q: of(), k: of(), b: of(), initialState: of(3) });
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("a final state that is transferred elsewhere meanwhile is named", async () => {
  const backend = new SpyBackend(referenceKernels);
  const finalState = of(0);
  const pending = host.solve(backend, op, of(1, 5, 2), { finalState });
  structuredClone(finalState, { transfer: [finalState.buffer as ArrayBuffer] });
  await expect(pending).rejects.toThrow(/^finalState: expected 1 elements or more, got 0 elements/);
  await expect(pending).rejects.toThrow(ShapeError);
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("gradients with states are the reference's", async () => {
  const backend = new SpyBackend(referenceKernels);
  const [initialState, finalStateCotangent, rhs, cotangent] = [of(4), of(-3), of(1, 5, 2), of(1, -1, 2)];
  const on = { n: 3, r: 1, diag: op.diag, q: op.q, k: op.k };
  for (const trans of [false, true]) {
    for (const given of [
      {},
      { initialState },
      { finalStateCotangent },
      { initialState, finalStateCotangent },
    ]) {
      const options = { trans, alpha: -2, ...given };
      const { initialState: z } = { initialState: undefined, ...given };
      const y = await host.solve(backend, op, rhs, { trans, alpha: -2, initialState: z });
      for (const [got, want] of [
        [
          await host.solveVjp(backend, op, y, cotangent, options),
          reference.solveVjp(on, rhs, 1, cotangent, { ...options, initialState: z }),
        ],
        [
          await host.applyVjp(backend, op, rhs, cotangent, options),
          reference.applyVjp(on, rhs, 1, cotangent, { ...options, initialState: z }),
        ],
      ] as const) {
        expect("initialState" in got).toBe("initialState" in given);
        for (const [name, values] of Object.entries(got)) {
          const expected = (want as unknown as Record<string, Float64Array>)[name]!;
          expect([...values].map((value) => value + 0)).toEqual([...expected].map((value) => value + 0));
        }
      }
    }
  }
  const wrong = host.solveVjp(backend, op, rhs, cotangent, { initialState: of(1, 2) });
  await expect(wrong).rejects.toThrow(/^initialState: expected 1 elements/);
  const none = host.solve(backend, op, rhs, { initialState: null as never });
  await expect(none).rejects.toThrow(/^initialState: expected a Float32Array or Float64Array, got null/);
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("check takes a subnormal λ for 0 where the backend says that it may be flushed, and nowhere else", () => {
  const shape: Shape = [1, 2, 1];
  for (const [Float, lambda, normal] of [
    [Float32Array, 1e-39, 2 ** -126],
    [Float64Array, -1e-310, 2 ** -1022],
  ] as const) {
    const flushing = new SpyBackend({}, "flushing", { flushesSubnormals: true });
    const exact = new SpyBackend({}, "exact");
    const call = (backend: SpyBackend, second: number): void => {
      const put = (...values: number[]) => backend.upload({ data: Float.from(values), shape });
      solve(backend, { diag: put(1, second), q: put(1, 1), k: put(1, 1) }, put(1, 1), { check: true });
    };
    expect(() => call(flushing, lambda)).toThrow(SingularError);
    expect(() => call(flushing, lambda)).toThrow(
      /got -?1.*e-3.*, which this backend flushes to 0, at batch 0, row 1/,
    );
    expect(() => call(flushing, normal)).not.toThrow();
    expect(() => call(exact, lambda)).not.toThrow();
  }
});
