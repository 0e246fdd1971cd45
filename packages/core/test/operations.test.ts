import * as fc from "fast-check";
import { expect, test } from "vitest";
import * as host from "../src/host.js";
import {
  apply,
  applyVjp,
  inverse,
  inverseVjp,
  materialize,
  SingularError,
  solve,
  solveVjp,
  trilInverse,
  UnsupportedError,
  type FloatArray,
  type HostTensor,
  type Shape,
  type VjpOptions,
} from "../src/index.js";
import { Ledger, OwnedTensor } from "../src/backend.js";
import * as reference from "../src/reference/index.js";
import { referenceKernels } from "./reference-kernels.js";
import { SpyBackend } from "./spy-backend.js";

// Integers and Λ = ±1: every sum below is exact in float64, so every way of computing must agree to the bit.
const integer = fc.integer({ min: -1, max: 1 });
const problem = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    n: fc.integer({ min: 1, max: 7 }),
    r: fc.integer({ min: 0, max: 3 }),
    p: fc.integer({ min: 1, max: 3 }),
    trans: fc.boolean(),
    alpha: fc.constantFrom(1, -2, 0.5),
    stateful: fc.constantFrom("none", "state", "cotangent", "both"),
  })
  .chain(({ batch, n, r, p, ...rest }) => {
    const array = (length: number, of = integer): fc.Arbitrary<Float64Array> =>
      fc.array(of, { minLength: length, maxLength: length }).map((x) => Float64Array.from(x));
    return fc.record({
      batch: fc.constant(batch),
      n: fc.constant(n),
      r: fc.constant(r),
      p: fc.constant(p),
      rest: fc.constant(rest),
      diag: array(batch * n, fc.constantFrom(1, -1)),
      q: array(batch * n * r),
      k: array(batch * n * r),
      b: array(batch * n * p),
      cotangent: array(batch * n * p),
      state: array(batch * r * p),
      stateCotangent: array(batch * r * p),
    });
  });

const plus = (x: ArrayLike<number>): number[] => Array.from(x, (value) => value + 0); // −0 is 0

/** Every entry of a batch, one after the other. */
function each(batch: number, of: (index: number) => Float64Array): number[] {
  return plus(Array.from({ length: batch }, (_, index) => Array.from(of(index))).flat());
}

test("solve, apply, their states and gradients are exactly the reference's, for every option", () => {
  fc.assert(
    fc.property(problem, ({ batch, n, r, p, rest, ...data }) => {
      const backend = new SpyBackend(referenceKernels);
      const put = (x: Float64Array, rows: number, cols: number): HostTensor =>
        backend.upload({ data: x, shape: [batch, rows, cols] });
      const op = { diag: put(data.diag, n, 1), q: put(data.q, n, r), k: put(data.k, n, r) };
      const [b, cotangent] = [put(data.b, n, p), put(data.cotangent, n, p)];
      const state = put(data.state, r, p);
      const stateCotangent = put(data.stateCotangent, r, p);
      const { trans, alpha, stateful } = rest;
      const withState = stateful === "state" || stateful === "both";
      const withCotangent = stateful === "cotangent" || stateful === "both";
      const options: Pick<
        VjpOptions<HostTensor>,
        "trans" | "alpha" | "initialState" | "finalStateCotangent"
      > = {
        trans,
        alpha,
        ...(withState && { initialState: state }),
        ...(withCotangent && { finalStateCotangent: stateCotangent }),
      };
      const before = backend.memory();
      const y = solve(backend, op, b, { trans, alpha, initialState: options.initialState });
      const gradients = {
        solve: solveVjp(backend, op, y, cotangent, options),
        apply: applyVjp(backend, op, b, cotangent, options),
      };
      for (const verb of ["solve", "apply"] as const) {
        const expected = Array.from({ length: batch }, (_, index) => {
          const entry = (x: Float64Array): Float64Array => reference.matrixOf(x, batch, index);
          const on = reference.operatorOf({ batch, n, r, ...data }, index);
          const from = verb === "solve" ? reference.solveVjp : reference.applyVjp;
          return from(on, entry(data.b), p, entry(data.cotangent), {
            trans,
            alpha,
            ...(withState && { initialState: entry(data.state) }),
            ...(withCotangent && { finalStateCotangent: entry(data.stateCotangent) }),
          }) as unknown as Record<string, Float64Array>;
        });
        const got = gradients[verb] as unknown as Record<string, HostTensor>;
        for (const [name, t] of Object.entries(got)) {
          expect(plus(t.data), `${verb} ${name}`).toEqual(each(batch, (index) => expected[index]![name]!));
        }
        expect("initialState" in got).toBe(withState);
        for (const t of Object.values(got)) t.dispose();
      }
      y.dispose();
      expect(backend.memory()).toEqual(before);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("inverse, materialize, trilInverse and the gradient of inverse are exactly the reference's", () => {
  fc.assert(
    fc.property(problem, ({ batch, n, r, ...data }) => {
      const backend = new SpyBackend(referenceKernels);
      const put = (x: Float64Array, shape: Shape): HostTensor => backend.upload({ data: x, shape });
      const op = {
        diag: put(data.diag, [batch, n, 1]),
        q: put(data.q, [batch, n, r]),
        k: put(data.k, [batch, n, r]),
      };
      const on = (index: number): reference.ReferenceOperator =>
        reference.operatorOf({ batch, n, r, ...data }, index);
      const before = backend.memory().tensors;
      const t = materialize(backend, op);
      expect(plus(t.data)).toEqual(each(batch, (index) => reference.dense.materialize(on(index))));
      const y = inverse(backend, op);
      const expected = each(batch, (index) => reference.dense.inverse(on(index)));
      expect(plus(y.data)).toEqual(expected);
      const x = trilInverse(backend, t);
      expect(plus(x.data)).toEqual(expected);
      const cotangent = Float64Array.from({ length: n * n }, (_, i) => (i % 3) - 1);
      const gradients = inverseVjp(
        backend,
        op,
        y,
        put(
          Float64Array.from({ length: batch * n * n }, (_, i) => cotangent[i % (n * n)]!),
          [batch, n, n],
        ),
      );
      for (const [name, g] of Object.entries(gradients) as ["diag" | "q" | "k", HostTensor][]) {
        expect(plus(g.data)).toEqual(
          each(batch, (index) => reference.inverseVjp(on(index), cotangent)[name]),
        );
      }
      expect(backend.memory().tensors).toBe(before + 7); // t, y, x, the cotangent, three gradients
    }),
    { seed: 1, numRuns: 100 },
  );
});

test("a sequence cut anywhere chains through its state, in both directions", () => {
  const backend = new SpyBackend(referenceKernels);
  const f = (rows: number, cols: number, seed: number): HostTensor =>
    backend.upload({
      data: Float64Array.from({ length: rows * cols }, (_, i) => ((i * seed) % 3) - 1),
      shape: [1, rows, cols],
    });
  const [n, r, p] = [9, 2, 2];
  const ones = (rows: number): HostTensor =>
    backend.upload({ data: new Float64Array(rows).fill(1), shape: [1, rows, 1] });
  const [q, k, b] = [f(n, r, 5), f(n, r, 7), f(n, p, 4)];
  const cut = (t: HostTensor, from: number, to: number): HostTensor =>
    backend.upload({
      data: t.data,
      shape: [1, to - from, t.shape[2]],
      strides: [0, t.shape[2], 1],
      offset: from * t.shape[2],
    });
  for (const verb of [solve, apply]) {
    for (const trans of [false, true]) {
      const whole = verb(backend, { diag: ones(n), q, k }, b, { trans, alpha: 2 });
      for (let at = 0; at <= n; at++) {
        const z = backend.upload({ data: new Float64Array(r * p), shape: [1, r, p] });
        const pieces = [
          [0, at],
          [at, n],
        ].map(([from, to]) => ({
          op: { diag: ones(to! - from!), q: cut(q, from!, to!), k: cut(k, from!, to!) },
          b: cut(b, from!, to!),
        }));
        if (trans) pieces.reverse();
        const ys = pieces.map((x) =>
          verb(backend, x.op, x.b, { trans, alpha: 2, initialState: z, finalState: z }),
        );
        if (trans) ys.reverse();
        expect(ys.flatMap((y) => plus(y.data))).toEqual(plus(whole.data));
      }
    }
  }
});

test("check: true names batch and row of λ = 0, before the kernel; without it the kernel decides", async () => {
  const backend = new SpyBackend(referenceKernels);
  const put = (data: number[], shape: Shape): HostTensor =>
    backend.upload({ data: new Float64Array(data), shape });
  const op = {
    diag: put([1, 1, 1, -0], [2, 2, 1]),
    q: put([1, 1, 1, 1], [2, 2, 1]),
    k: put([1, 1, 1, 1], [2, 2, 1]),
  };
  const b = put([1, 2, 3, 4], [2, 2, 1]);
  const before = backend.memory();
  expect(() => solve(backend, op, b, { check: true })).toThrow(new SingularError(1, 1));
  expect(() => inverse(backend, op, { check: true })).toThrow(/batch 1, row 1/);
  expect(backend.calls).toEqual([]);
  expect(backend.memory()).toEqual(before);
  expect(Array.from(solve(backend, op, b).data)).toEqual([1, 1, 3, -Infinity]);
});

test("check: true on a device is told to the readers of the results, and refused where nothing can defer", async () => {
  /** Its tensors keep their elements where only `read` sees them. */
  class DeviceTensor extends OwnedTensor {
    readonly storage = {};
    readonly byteOffset = 0;
    protected release(): void {}
  }
  class DeviceTensorBackend extends SpyBackend {
    readonly #elements = new WeakMap<object, FloatArray>();
    readonly #ledger = new Ledger("device");
    deferred: Promise<void> | undefined;
    results: readonly HostTensor[] = [];
    override upload(view: Parameters<SpyBackend["upload"]>[0]): HostTensor {
      const t = new DeviceTensor(this, this.#ledger, view.shape, "f32");
      this.#elements.set(t, view.data);
      return t as unknown as HostTensor;
    }
    override async read(t: HostTensor): Promise<FloatArray> {
      return this.#elements.get(t)!;
    }
    defer? = (pending: Promise<void>, results: readonly HostTensor[]): void => {
      this.deferred = pending;
      this.results = results;
    };
  }
  const backend = new DeviceTensorBackend();
  const put = (data: number[]): HostTensor =>
    backend.upload({ data: new Float32Array(data), shape: [1, 2, 1] });
  const op = { diag: put([0, 1]), q: put([1, 1]), k: put([1, 1]) };
  const finalState = backend.empty([1, 1, 1], "f32");
  const y = solve(backend, op, put([1, 1]), { check: true, finalState });
  await expect(backend.deferred).rejects.toThrow(new SingularError(0, 0));
  expect(backend.results).toEqual([y, finalState]);
  const x = inverse(backend, op, { check: true });
  await expect(backend.deferred).rejects.toThrow(new SingularError(0, 0));
  expect(backend.results).toEqual([x]);
  delete backend.defer;
  expect(() => solve(backend, op, put([1, 1]), { check: true })).toThrow(UnsupportedError);
});

test("plain arrays: the same verbs, everything disposed, also when a call fails", async () => {
  const backend = new SpyBackend(referenceKernels);
  const op = {
    shape: [1, 3, 1] as const,
    diag: Float64Array.of(1, 1, 1),
    q: Float64Array.of(0, 1, 1),
    k: Float64Array.of(2, 3, 0),
  };
  expect(await host.materialize(backend, op)).toEqual(Float64Array.of(1, 0, 0, 2, 1, 0, 2, 3, 1));
  expect(await host.solve(backend, op, Float64Array.of(1, 3, 8))).toEqual(Float64Array.of(1, 1, 3));
  expect(await host.apply(backend, op, Float64Array.of(1, 1, 3))).toEqual(Float64Array.of(1, 3, 8));
  expect(plus(await host.inverse(backend, op))).toEqual([1, 0, 0, -2, 1, 0, 4, -3, 1]);
  expect(await host.logAbsDet(backend, op)).toEqual(Float64Array.of(0));
  expect(plus(await host.trilInverse(backend, Float64Array.of(2, 9, 1, 4), [1, 2, 2]))).toEqual([
    0.5, 0, -0.125, 0.25,
  ]);
  const z = Float64Array.of(10);
  await host.solve(backend, op, Float64Array.of(1, 3, 8), { initialState: z, finalState: z });
  expect(z).toEqual(Float64Array.of(10 + 2 * 1 + 3 * (3 - 12)));
  const one = Float64Array.of(1, 1, 1);
  const { b } = await host.solveVjp(backend, op, Float64Array.of(1, 1, 3), one);
  expect(plus(b)).toEqual(plus(await host.solve(backend, op, one, { trans: true })));
  expect(new Set(Object.keys(await host.applyVjp(backend, op, one, one)))).toEqual(
    new Set(["diag", "q", "k", "x"]),
  );
  const y = (await host.inverse(backend, op)) as Float64Array;
  expect(new Set(Object.keys(await host.inverseVjp(backend, op, y, y)))).toEqual(new Set(["diag", "q", "k"]));
  const calls = backend.calls.length;
  await expect(host.solve(backend, op, Float64Array.of(1, 2))).rejects.toThrow(/^b: expected a multiple/);
  await expect(host.solve(backend, { ...op, k: one.slice(1) }, one)).rejects.toThrow(
    /^k: expected 3 elements/,
  );
  await expect(host.solve(backend, op, [1, 2, 3] as never)).rejects.toThrow(/^b: expected a Float32Array/);
  await expect(host.solve(backend, op, one, { initialState: one })).rejects.toThrow(
    /^initialState: expected 1 elements/,
  );
  await expect(host.solve(null as never, op, one)).rejects.toThrow(/^backend/);
  await expect(host.solve(backend, null as never, one)).rejects.toThrow(/^op/);
  expect(backend.calls.length).toBe(calls);
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});
