// Data on which rounding errors of a long sum do not average out: all of one kind, or built so that each addition loses
// almost half a unit in the last place. Bounds are in ε: the promise, or less where less was always kept.
import { apply, inverse, solve, trilInverse, type Backend, type Dtype, type FloatArray } from "@dlrt/core";
import {
  BLOCK_GATE,
  gate,
  matrixOf,
  omega,
  omegaApply,
  omegaInverse,
  omegaRowDot,
  omegaTrilInverse,
  operatorOf,
} from "@dlrt/core/reference";
import { createWasmBackend, type WasmTensor } from "@dlrt/backend-wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BUILDS } from "./problem.js";

const EPSILON: Readonly<Record<Dtype, number>> = { f32: 2 ** -24, f64: 2 ** -53 };
const dtypes = ["f32", "f64"] as const;

type Fill = number | ((row: number, column: number) => number);

interface Case {
  readonly dtype: Dtype;
  readonly size: readonly [n: number, r: number, p: number];
  /** Absent: Λ = 0 in apply, 1 in solve. */
  readonly diag?: Fill;
  readonly q: Fill;
  readonly k: Fill;
  readonly x: Fill;
  readonly chunk?: number | undefined;
  readonly trans?: boolean;
}

/** 1 in one place, just under half an ulp of 1 elsewhere. */
const impulse = (dtype: Dtype, isOne: (row: number, column: number) => boolean): Fill => {
  const tiny = 0.98 * EPSILON[dtype];
  return (row, column) => (isOne(row, column) ? 1 : tiny);
};

describe.each(BUILDS.filter(({ build }) => build === "simd"))("relaxed: $relaxed", (options) => {
  let backend: Backend<WasmTensor>;
  beforeAll(async () => {
    backend = await createWasmBackend(options);
  });
  afterAll(() => backend.dispose());

  function put(dtype: Dtype, rows: number, cols: number, fill: Fill): WasmTensor {
    const t = backend.empty([1, rows, cols], dtype);
    const { data } = t;
    for (let at = 0; at < rows * cols; at++) {
      data[at] = typeof fill === "number" ? fill : fill(Math.floor(at / cols), at % cols);
    }
    return t;
  }

  /** ω of one call, in ε. */
  function measured(operation: "apply" | "solve", { dtype, size: [n, r, p], ...given }: Case): number {
    const { trans = false, chunk } = given;
    const lambda = given.diag ?? (operation === "solve" ? 1 : undefined);
    const [q, k, x] = [put(dtype, n, r, given.q), put(dtype, n, r, given.k), put(dtype, n, p, given.x)];
    const diag = lambda === undefined ? undefined : put(dtype, n, 1, lambda);
    const out = backend.empty([1, n, p], dtype);
    out.data.fill(Number.NaN);
    if (operation === "apply") apply(backend, { diag, q, k }, x, { trans, chunk, out });
    else solve(backend, { diag: diag!, q, k }, x, { trans, chunk, out });
    const zeros: FloatArray = new Float64Array(n);
    const op = operatorOf({ batch: 1, n, r, diag: diag?.data ?? zeros, q: q.data, k: k.data }, 0);
    const judge = operation === "apply" ? omegaApply : omega;
    const worst = judge(op, matrixOf(out.data, 1, 0), matrixOf(x.data, 1, 0), p, { trans, dtype });
    for (const t of [q, k, x, diag, out]) t?.dispose();
    return worst / EPSILON[dtype];
  }

  test.each(
    dtypes.flatMap((dtype) =>
      (
        [
          [20, 9.3],
          [64, 31],
          [128, gate(128, true)],
          [512, gate(512, true)],
        ] as const
      ).map(([r, bound]) => ({ dtype, r, bound })),
    ),
  )("$dtype: one product of 1 and tiny ones, r = $r", ({ dtype, r, bound }) => {
    for (const at of [0, 1, 15, 16, r - 1]) {
      const k = impulse(dtype, (_, column) => column === at);
      for (const p of [1, 17]) {
        for (const operation of ["apply", "solve"] as const) {
          const worst = measured(operation, { dtype, size: [2, r, p], q: 1, k, x: 1 });
          expect(worst, `${operation}, at ${at}, p = ${p}`).toBeLessThanOrEqual(bound);
        }
      }
    }
  });

  test.each(dtypes.flatMap((dtype) => [undefined, 1, 8, 24, 64, 1000].map((chunk) => ({ dtype, chunk }))))(
    "$dtype: one row of 1 and tiny ones, chunk $chunk",
    ({ dtype, chunk }) => {
      for (const at of [0, 1, 16, 31]) {
        const k = impulse(dtype, (row) => row === at);
        for (const p of [1, 17]) {
          const worst = measured("apply", { dtype, size: [64, 1, p], q: 1, k, x: 1, chunk });
          expect(worst, `at ${at}, p = ${p}`).toBeLessThanOrEqual(14.5);
        }
      }
    },
  );

  test.each(dtypes.flatMap((dtype) => [20, 64, 128, 512].map((r) => ({ dtype, r }))))(
    "$dtype: tiny products over the rank and over the rows at once, r = $r",
    ({ dtype, r }) => {
      const tiny = 0.98 * EPSILON[dtype];
      const k: Fill = (row, column) => {
        if (row === 0) return column === 0 ? 1 : tiny;
        return column % 16 === 0 ? tiny : 0;
      };
      for (const chunk of [undefined, 64]) {
        const worst = measured("apply", { dtype, size: [64, r, 17], q: 1, k, x: 1, chunk });
        expect(worst).toBeLessThanOrEqual(gate(r, true));
      }
    },
  );

  test.each(
    dtypes.flatMap((dtype) =>
      (
        [
          // Each line is n, r, p and a bound: half of what was measured before sums were cut into blocks, or the gate where that was beyond it.
          [256, 128, 9, 15],
          [2, 512, 1, 17],
          [2, 1024, 1, gate(1024)],
          [70, 64, 17, gate(64)],
          [2000, 1, 9, 7.5],
          [2000, 3, 2, 7.5],
        ] as const
      ).map(([n, r, p, bound]) => ({ dtype, n, r, p, bound })),
    ),
  )("$dtype: all entries equal, n = $n, r = $r, p = $p", ({ dtype, n, r, p, bound }) => {
    for (const c of [0.1, 0.7, 1.3]) {
      const given = { dtype, size: [n, r, p], q: c / Math.sqrt(r), k: c / Math.sqrt(r), x: 0.7 } as const;
      for (const trans of [false, true]) {
        expect(measured("apply", { ...given, trans }), `apply, ${c}`).toBeLessThanOrEqual(bound);
        expect(measured("solve", { ...given, trans }), `solve, ${c}`).toBeLessThanOrEqual(bound);
      }
    }
  });

  test.each([
    ["f32", 200, 512, 18.8],
    ["f64", 80, 512, 18.8],
    ["f32", 300, 64, gate(64)],
    ["f64", 270, 1, gate(1)],
  ] as const)("%s inverse of equal entries, n = %i, r = %i", (dtype, n, r, bound) => {
    for (const c of [0.3, 1, 1.3]) {
      const [q, k] = [put(dtype, n, r, c / Math.sqrt(r)), put(dtype, n, r, c / Math.sqrt(r))];
      const diag = put(dtype, n, 1, (row) => 1 + (row % 3));
      const x = inverse(backend, { diag, q, k });
      const op = operatorOf({ batch: 1, n, r, diag: diag.data, q: q.data, k: k.data }, 0);
      const worst = omegaInverse(op, matrixOf(x.data, 1, 0), { dtype }) / EPSILON[dtype];
      expect(worst, `${c}`).toBeLessThanOrEqual(bound);
      for (const t of [q, k, diag, x]) t.dispose();
    }
  });

  test.each(dtypes)("%s inverse: tiny products over the rank", (dtype) => {
    const [n, r] = [40, 128];
    const [diag, q] = [put(dtype, n, 1, 1), put(dtype, n, r, 1)];
    const k = put(dtype, n, r, (row, column) => (row > 0 ? 0 : column === 0 ? 1 : 0.98 * EPSILON[dtype]));
    const x = inverse(backend, { diag, q, k });
    const op = operatorOf({ batch: 1, n, r, diag: diag.data, q: q.data, k: k.data }, 0);
    const worst = omegaInverse(op, matrixOf(x.data, 1, 0), { dtype }) / EPSILON[dtype];
    expect(worst).toBeLessThanOrEqual(gate(r, true));
    for (const t of [diag, q, k, x]) t.dispose();
  });

  test.each(dtypes)("%s trilInverse: tiny products in a column", (dtype) => {
    for (const c of [16, 64, 128]) {
      for (const at of [0, 1, c - 2]) {
        const tiny = 0.98 * EPSILON[dtype];
        const a = backend.empty([1, c, c], dtype);
        a.data.fill(0);
        for (let i = 0; i < c; i++) {
          a.data[i * c + i] = 1;
          if (i > 0) a.data[i * c] = -1; // The first column of the inverse is then 1 above the last row.
        }
        for (let j = 0; j < c - 1; j++) a.data[(c - 1) * c + j] = j === at ? 1 : tiny;
        const x = trilInverse(backend, a);
        const worst = omegaTrilInverse(matrixOf(a.data, 1, 0), matrixOf(x.data, 1, 0), c, { dtype });
        expect(worst / EPSILON[dtype], `c = ${c}, at ${at}`).toBeLessThanOrEqual(2 * BLOCK_GATE);
        for (const t of [a, x]) t.dispose();
      }
    }
  });

  test.each([
    ["f32", 257, 15.5],
    ["f64", 257, 31],
    ["f32", 1024, gate(1024, true)],
    ["f64", 1024, gate(1024, true)],
    ["f32", 7, 7],
  ] as const)("%s rowDot: one product of 1 and tiny ones, p = %i", (dtype, p, bound) => {
    const x = put(dtype, 40, p, 1);
    const y = put(
      dtype,
      40,
      p,
      impulse(dtype, (row, column) => row === column),
    );
    const out = put(dtype, 40, 1, Number.NaN);
    backend.kernels.rowDot({ batch: 1, n: 40, p, alpha: 1, x, y, out });
    expect(omegaRowDot(x.data, y.data, out.data, p, 1) / EPSILON[dtype]).toBeLessThanOrEqual(bound);
    for (const t of [x, y, out]) t.dispose();
  });
});
