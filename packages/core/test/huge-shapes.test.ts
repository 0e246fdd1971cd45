import { expect, test } from "vitest";
import {
  apply,
  applyVjp,
  inverse,
  inverseVjp,
  LimitError,
  logAbsDet,
  materialize,
  solve,
  solveVjp,
  type HostTensor,
  type Shape,
} from "../src/index.js";
import { referenceKernels } from "./reference-kernels.js";
import { SpyBackend } from "./spy-backend.js";

const HUGE = [2 ** 31, 2 ** 53 - 1];
const sizes = [0, 1, 2, ...HUGE];
const exists = (shape: Shape): boolean => shape[0] * shape[1] * shape[2] < 2 ** 31;

/**
 * The reference kernels loop over the batch, so that a test would never end if they were called at huge sizes, at which
 * there is nothing to compute.
 */
const backend = new SpyBackend(referenceKernels);

function* combinations(): Generator<readonly [batch: number, n: number, r: number, p: number]> {
  for (const batch of sizes) {
    for (const n of sizes) for (const r of sizes) for (const p of sizes) yield [batch, n, r, p];
  }
}

test("every operation at empty and huge sizes gives the right shapes, or a LimitError where a result cannot exist", async () => {
  let refused = 0;
  let done = 0;
  for (const [batch, n, r, p] of combinations()) {
    const [column, factor, rhs, state, square] = [
      [batch, n, 1],
      [batch, n, r],
      [batch, n, p],
      [batch, r, p],
      [batch, n, n],
    ] as const;
    const make = (shape: Shape): HostTensor => {
      const data = new Float64Array(1).fill(1);
      return backend.upload({ data, shape, strides: [0, 0, 0] });
    };
    const gradients = (of: object): Shape[] => Object.values(of).map((t) => (t as HostTensor).shape);
    const calls: [needs: readonly Shape[], gives: readonly Shape[], (...t: HostTensor[]) => Shape[]][] = [
      [
        [column, factor, rhs],
        [rhs],
        (diag, q, b) => [solve(backend, { diag: diag!, q: q!, k: q! }, b!).shape],
      ],
      [[factor, rhs], [rhs], (q, x) => [apply(backend, { q: q!, k: q! }, x!).shape]],
      [[column, factor], [square], (diag, q) => [inverse(backend, { diag: diag!, q: q!, k: q! }).shape]],
      [[factor], [square], (q) => [materialize(backend, { q: q!, k: q! }).shape]],
      [
        [column, factor, rhs, state],
        [column, factor, factor, rhs, state],
        (diag, q, y, state) =>
          gradients(
            solveVjp(backend, { diag: diag!, q: q!, k: q! }, y!, y!, {
              alpha: 4,
              initialState: state,
              finalStateCotangent: state,
            }),
          ),
      ],
      [
        [factor, rhs, state],
        [column, factor, factor, rhs, state],
        (q, x, state) =>
          gradients(
            applyVjp(backend, { q: q!, k: q! }, x!, x!, {
              alpha: 4,
              initialState: state,
              finalStateCotangent: state,
            }),
          ),
      ],
      [
        [column, factor, square],
        [column, factor, factor],
        (diag, q, y) => gradients(inverseVjp(backend, { diag: diag!, q: q!, k: q! }, y!, y!)),
      ],
    ];
    for (const [needs, gives, run] of calls) {
      if (!needs.every(exists)) continue;
      const operands = needs.map(make);
      if (gives.every(exists)) {
        expect(run(...operands)).toEqual(gives);
        done++;
      } else {
        const before = backend.memory();
        expect(() => run(...operands)).toThrow(LimitError);
        expect(backend.memory()).toEqual(before);
        refused++;
      }
    }
  }
  expect(done).toBeGreaterThan(500);
  expect(refused).toBeGreaterThan(50);
});

test("logAbsDet of no rows is 0, of no batch entries nothing, of too many a LimitError", async () => {
  const q = (shape: Shape): { q: HostTensor; k: HostTensor } => {
    const t = backend.empty(shape);
    return { q: t, k: t };
  };
  expect(await logAbsDet(backend, q([2, 0, 3]))).toEqual(Float64Array.of(0, 0));
  for (const size of HUGE) {
    expect(await logAbsDet(backend, q([0, size, size]))).toEqual(new Float64Array(0));
    expect(await logAbsDet(backend, q([2, size, 0]))).toEqual(Float64Array.of(-Infinity, -Infinity));
    await expect(logAbsDet(backend, q([size, 0, 1]))).rejects.toThrow(LimitError);
    await expect(logAbsDet(backend, q([size, 1, 0]))).rejects.toThrow(/^batch: expected at most/);
  }
});
