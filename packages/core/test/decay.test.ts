import { describe, expect, test } from "vitest";
import {
  apply,
  applyVjp,
  heads,
  inverse,
  inverseVjp,
  materialize,
  ShapeError,
  solve,
  solveVjp,
  UnsupportedError,
  ValueError,
  type HostTensor,
} from "../src/index.js";
import * as reference from "../src/reference/index.js";
import { Random } from "../../../tooling/random.mjs";
import { referenceKernels } from "./reference-kernels.js";
import { SpyBackend } from "./spy-backend.js";

const [batch, n, r, p] = [2, 7, 3, 2];
const random = new Random(5);
const uniform = (count: number, low: number, high: number): Float64Array =>
  Float64Array.from({ length: count }, () => random.uniform(low, high));

const decays: Record<string, Float64Array | undefined> = {
  none: undefined,
  row: uniform(batch * n, -2, 0),
  channel: uniform(batch * n * r, -2, 0),
  resets: uniform(batch * n, -1, 0).map((g, i) => (i % 3 === 2 ? -Infinity : g)),
};
const data = {
  diag: uniform(batch * n, 0.5, 2),
  q: uniform(batch * n * r, -1, 1),
  k: uniform(batch * n * r, -1, 1),
  rhs: uniform(batch * n * p, -1, 1),
  cotangent: uniform(batch * n * p, -1, 1),
  state: uniform(batch * r * p, -1, 1),
  stateCotangent: uniform(batch * r * p, -1, 1),
};

function setUp(decay: Float64Array | undefined) {
  const backend = new SpyBackend(referenceKernels);
  const put = (x: Float64Array, rows: number): HostTensor =>
    backend.upload({ data: x, shape: [batch, rows, x.length / (batch * rows)] });
  const op = {
    diag: put(data.diag, n),
    q: put(data.q, n),
    k: put(data.k, n),
    ...(decay && { decay: put(decay, n) }),
  };
  return {
    backend,
    put,
    op,
    rhs: put(data.rhs, n),
    cotangent: put(data.cotangent, n),
    initialState: put(data.state, r),
    finalStateCotangent: put(data.stateCotangent, r),
  };
}

const entryOf = (index: number, decay: Float64Array | undefined): reference.ReferenceOperator =>
  reference.operatorOf(
    { batch, n, r, diag: data.diag, q: data.q, k: data.k, ...(decay && { decay }) },
    index,
  );

function close(got: ArrayLike<number>, want: ArrayLike<number>, name: string): void {
  expect(got.length, name).toBe(want.length);
  for (let at = 0; at < want.length; at++) {
    expect(Math.abs(got[at]! - want[at]!), `${name}, element ${at}`).toBeLessThanOrEqual(
      1e-12 * (1 + Math.abs(want[at]!)),
    );
  }
}

describe.each(Object.keys(decays))("decay %s", (kind) => {
  const decay = decays[kind];
  for (const verb of ["solve", "apply"] as const) {
    for (const trans of [false, true]) {
      for (const alpha of [1, -0.3]) {
        for (const states of ["none", "initial", "final", "both"]) {
          test(`${verb}Vjp: trans ${trans}, α ${alpha}, states ${states}`, () => {
            const { backend, op, rhs, cotangent, initialState, finalStateCotangent } = setUp(decay);
            const before = backend.memory().tensors;
            const withState = states === "initial" || states === "both";
            const withCotangent = states === "final" || states === "both";
            const options = {
              trans,
              alpha,
              ...(withState && { initialState }),
              ...(withCotangent && { finalStateCotangent }),
            };
            const forward = { trans, alpha, ...(withState && { initialState }) };
            const y = verb === "solve" ? solve(backend, op, rhs, forward) : rhs;
            const vjp = verb === "solve" ? solveVjp : applyVjp;
            const got = vjp(backend, op, y, cotangent, options) as unknown as Record<string, HostTensor>;
            for (let index = 0; index < batch; index++) {
              const entry = (x: Float64Array): Float64Array => reference.matrixOf(x, batch, index);
              const from = verb === "solve" ? reference.solveVjp : reference.applyVjp;
              const want = from(entryOf(index, decay), entry(data.rhs), p, entry(data.cotangent), {
                trans,
                alpha,
                ...(withState && { initialState: entry(data.state) }),
                ...(withCotangent && { finalStateCotangent: entry(data.stateCotangent) }),
              }) as unknown as Record<string, Float64Array>;
              for (const [name, t] of Object.entries(got)) {
                const all = t.data as Float64Array;
                close(reference.matrixOf(all, batch, index), want[name]!, name);
              }
            }
            expect("decay" in got).toBe(decay !== undefined);
            for (const t of new Set([y, ...Object.values(got)])) if (t !== rhs) t.dispose();
            expect(backend.memory().tensors).toBe(before);
          });
        }
      }
    }
  }

  test("inverse and materialize", () => {
    const { backend, op } = setUp(decay);
    const [t, x] = [materialize(backend, op), inverse(backend, op)];
    for (let index = 0; index < batch; index++) {
      const on = entryOf(index, decay);
      close(reference.matrixOf(t.data, batch, index), reference.dense.materialize(on), "T");
      close(reference.matrixOf(x.data, batch, index), reference.dense.inverse(on), "T⁻¹");
    }
    const cotangent = backend.upload({ data: uniform(batch * n * n, -1, 1), shape: [batch, n, n] });
    const got = inverseVjp(backend, op, x, cotangent) as unknown as Record<string, HostTensor>;
    expect("decay" in got).toBe(decay !== undefined);
    for (let index = 0; index < batch; index++) {
      const want = reference.inverseVjp(
        entryOf(index, decay),
        reference.matrixOf(cotangent.data, batch, index),
      );
      for (const [name, t] of Object.entries(got)) {
        close(reference.matrixOf(t.data, batch, index), want[name as "q"], name);
      }
    }
  });
});

test("gradients go where `out` says, and nothing is written where an argument is wrong", () => {
  const { backend, op, rhs, cotangent, initialState } = setUp(decays.row);
  const y = solve(backend, op, rhs, { initialState });
  const shapes = {
    diag: [n, 1],
    q: [n, r],
    k: [n, r],
    decay: [n, 1],
    b: [n, p],
    initialState: [r, p],
  } as const;
  const out = Object.fromEntries(
    Object.entries(shapes).map(([name, [rows, cols]]) => [name, backend.empty([batch, rows, cols], "f64")]),
  );
  const fresh = solveVjp(backend, op, y, cotangent, { initialState }) as unknown as Record<
    string,
    HostTensor
  >;
  const before = backend.memory();
  const got = solveVjp(backend, op, y, cotangent, { initialState, out }) as unknown as Record<
    string,
    HostTensor
  >;
  expect(backend.memory()).toEqual(before);
  for (const [name, t] of Object.entries(got)) {
    expect(t, name).toBe(out[name]);
    expect(t.data, name).toEqual(fresh[name]!.data);
  }
  const calls = backend.calls.length;
  const refused: [object, typeof ValueError | typeof ShapeError, string][] = [
    [{ q: op.q }, ValueError, "out.q"],
    [{ q: out["q"], k: out["q"] }, ValueError, "out.q"],
    [{ diag: out["q"] }, ShapeError, "out.diag"],
    [{ x: out["b"] }, ValueError, "no option but"],
    [{ state: out["initialState"] }, ValueError, "did you mean initialState"],
  ];
  for (const [wrong, type, says] of refused) {
    const call = (): unknown => solveVjp(backend, op, y, cotangent, { initialState, out: wrong });
    expect(call).toThrow(type);
    expect(call).toThrow(says);
  }
  expect([backend.calls.length, backend.memory()]).toEqual([calls, before]);
});

test("a decay of the wrong shape, or beyond what a backend can do, is refused", () => {
  const { backend, op, rhs, put } = setUp(undefined);
  const wrong = put(uniform(batch * n * 2, -1, 0), n);
  expect(() => solve(backend, { ...op, decay: wrong }, rhs)).toThrow(
    /^decay: expected \[2, 7, 1\] or \[2, 7, 3\]/,
  );
  for (const able of ["none", "row"] as const) {
    const weak = new SpyBackend(referenceKernels, "weak", { decay: able });
    const f = (cols: number): HostTensor => weak.empty([1, 2, cols], "f64");
    const on = { diag: f(1), q: f(2), k: f(2) };
    expect(() => apply(weak, { ...on, decay: f(2) }, f(1))).toThrow(UnsupportedError);
    if (able === "none") expect(() => apply(weak, { ...on, decay: f(1) }, f(1))).toThrow(/decay: "none"/);
    else apply(weak, { ...on, decay: f(1) }, f(1));
  }
});

test("check: true names batch and row of a positive or NaN gap, in any layout", () => {
  const { backend, op, rhs } = setUp(undefined);
  for (const bad of [1e-9, NaN]) {
    const gaps = new Float64Array(n * batch).fill(-1);
    gaps[4 * batch + 1] = bad; // packed by heads: row 4 of entry 1
    const decay = heads(backend, backend.upload({ data: gaps, shape: [1, n, batch] }), batch);
    for (const verb of [solve, apply]) {
      expect(() => verb(backend, { ...op, decay }, rhs, { check: true })).toThrow(
        new ValueError("decay", "g ≤ 0 everywhere", `${bad} at batch 1, row 4`),
      );
    }
  }
});
