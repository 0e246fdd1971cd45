import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  apply,
  applyVjp,
  inverse,
  inverseVjp,
  materialize,
  solve,
  solveVjp,
  trilInverse,
  type HostTensor,
  type Shape,
  type VjpOptions,
} from "../src/index.js";
import * as reference from "../src/reference/index.js";
import { referenceKernels } from "./reference-kernels.js";
import { SpyBackend } from "./spy-backend.js";

// All numbers are integers, and Λ = ±1. Every sum below is then exact in float64, so that every way of computing must agree to the bit.
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

/** Returns the numbers that `of` gives for every entry of a batch, one entry after the other. */
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
