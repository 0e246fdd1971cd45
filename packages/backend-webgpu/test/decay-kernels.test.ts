import { apply, inverse, solve } from "@dlrt/core";
import { gate, omegaInverse, operatorOf, recurrent } from "@dlrt/core/reference";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebGpuBackend } from "../src/node.js";
import { decayErrors, decayProblem, gates, uploadDecay } from "./support/decay.js";
import { uniformFrom } from "../../../tooling/random.mjs";
import { watchDispatches } from "./support/dispatches.js";
import { onSharedDevice, restoreDevice } from "./support/shared-device.js";
import { EPSILON } from "./support/structured.js";

let backend: WebGpuBackend;
let pieces: WebGpuBackend;
let parallel: WebGpuBackend;
let dispatches: { take(): string[] };
beforeAll(async () => {
  backend = await onSharedDevice({ chunk: 16 });
  dispatches = watchDispatches(backend.device);
  const others = { chunk: 16 } as const;
  pieces = await onSharedDevice({ ...others, maxScratchBytes: 8192, maxSubmitFlops: 4000 });
  parallel = await onSharedDevice({ ...others, scan: "parallel", scanGroups: 4 });
});
afterAll(async () => {
  await pieces.dispose();
  await parallel.dispose();
  await backend.dispose();
  restoreDevice(backend.device);
});

const float64 = (data: Float32Array): Float64Array => Float64Array.from(data);

const exactShape = { batch: 2, n: 75, r: 3, p: 2 };

test.each(["row", "channel"])("g of 0 and −∞ alone, per %s: not a bit is wrong, in any way", async (kind) => {
  const channels = kind === "row" ? 1 : 3;
  const problem = decayProblem(exactShape, channels, (next) => (next() < 0.2 ? -Infinity : 0));
  const { batch, n, r, p } = exactShape;
  const next = uniformFrom(5);
  const choose = (data: Float32Array, values: readonly number[]): void =>
    data.forEach((_, at) => (data[at] = values[Math.floor(next() * values.length)]!));
  choose(problem.data.q, [-1, 0, 0, 0, 0, 1]);
  choose(problem.data.k, [-1, 0, 0, 0, 0, 1]);
  choose(problem.data.diag, [-1, 1]);
  choose(problem.data.x, [-2, -1, 0, 1, 2]);
  choose(problem.data.state, [-2, -1, 0, 1, 2]);
  for (const on of [backend, pieces, parallel]) {
    const { op, x, initialState, finalState, dispose } = uploadDecay(on, problem);
    for (const verb of ["solve", "apply"] as const) {
      for (const trans of [false, true]) {
        const call = verb === "solve" ? solve : apply;
        const out = call(on, op, x, { trans, initialState, finalState });
        const [y, z] = [await on.read(out), await on.read(finalState)];
        for (let entry = 0; entry < batch; entry++) {
          const reference = operatorOf({ batch, n, r, ...problem.data }, entry);
          const rhs = float64(problem.data.x.subarray(entry * n * p, (entry + 1) * n * p));
          const state = float64(problem.data.state.subarray(entry * r * p, (entry + 1) * r * p));
          const want = recurrent[verb](reference, rhs, p, { trans, initialState: state });
          const same = (got: Float32Array, of: Float64Array): boolean =>
            of.every((value, at) => value === got[at]);
          expect(same(y.subarray(entry * n * p), want.y), `${verb}, ${trans}`).toBe(true);
          expect(same(z.subarray(entry * r * p), want.finalState), `state of ${verb}, ${trans}`).toBe(true);
        }
        out.dispose();
      }
    }
    dispose();
  }
});

test.each(["row", "channel"])(
  "in segments, per %s: as exact, though states are rounded in between",
  async (kind) => {
    const shape = { batch: 2, n: 90, r: 5, p: 3 };
    for (const name of ["as models produce", "resets"]) {
      const problem = decayProblem(shape, kind === "row" ? 1 : shape.r, gates[name]!);
      for (const kernel of ["solve", "apply"] as const) {
        for (const trans of [false, true]) {
          const { output, state } = await decayErrors(pieces, kernel, problem, { trans });
          expect(output, `${name}, ${kernel}, ${trans}`).toBeLessThanOrEqual(gate(shape.r));
          expect(state, `${name}, ${kernel}, ${trans}`).toBeLessThanOrEqual(gate(shape.r));
        }
      }
    }
  },
);

test("slow decay of 65,536 equal rows", async () => {
  const shape = { batch: 1, n: 65536, r: 1, p: 1 };
  const problem = decayProblem(shape, 1, () => -1e-8);
  for (const [data, value] of [
    ["q", 1e-3],
    ["k", 1e-3],
    ["x", 1],
    ["diag", 1],
  ] as const) {
    problem.data[data].fill(value);
  }
  for (const kernel of ["solve", "apply"] as const) {
    const { output, state } = await decayErrors(backend, kernel, problem, { trans: kernel === "apply" });
    expect(output).toBeLessThanOrEqual(gate(1));
    expect(state).toBeLessThanOrEqual(gate(1));
  }
});

test("the composed scan forgets what went before a reset, and what it had lost of it", async () => {
  const shape = { batch: 1, n: 256, r: 2, p: 2 };
  const problem = decayProblem(shape, 1, (_, row) => (row === 64 || row === 192 ? -Infinity : -1 / 64));
  problem.data.x.forEach((_, at) => {
    if (at >= 64 * 2 && at < 192 * 2) problem.data.x[at]! *= 2 ** 20;
  });
  for (const trans of [false, true]) {
    const { output, state } = await decayErrors(parallel, "solve", problem, { trans });
    expect(output).toBeLessThanOrEqual(gate(2));
    expect(state).toBeLessThanOrEqual(gate(2));
  }
});

test.each(["row", "channel"])("the inverse with decay per %s", async (kind) => {
  const shape = { batch: 2, n: 70, r: 3, p: 1 };
  for (const on of [backend, pieces]) {
    const problem = decayProblem(shape, kind === "row" ? 1 : 3, gates["as models produce"]!);
    const { op, dispose } = uploadDecay(on, problem);
    const out = inverse(on, op);
    const got = float64(await on.read(out));
    for (let entry = 0; entry < 2; entry++) {
      const reference = operatorOf({ ...shape, ...problem.data }, entry);
      const error = omegaInverse(reference, got.subarray(entry * 4900, (entry + 1) * 4900), { dtype: "f32" });
      expect(error / EPSILON).toBeLessThanOrEqual(gate(3));
    }
    out.dispose();
    dispose();
  }
});

test("decay of columns: each column decays by gaps of its own", async () => {
  const shape = { batch: 2, n: 75, r: 6, p: 5 };
  const { batch, n, r, p } = shape;
  for (const name of ["as models produce", "resets", "one constant a channel"]) {
    const problem = decayProblem(shape, p, gates[name]!);
    for (const on of [backend, pieces]) {
      for (const trans of [false, true]) {
        const { op, x, initialState, finalState, dispose } = uploadDecay(on, problem);
        const out = on.empty(x.shape);
        const call = { ...shape, alpha: 2, trans, decayOn: "columns" as const, initialState, finalState };
        on.kernels.apply({ ...call, op, x, out });
        const [y, z] = [await on.read(out), await on.read(finalState)];
        for (let entry = 0; entry < batch; entry++) {
          const { data } = problem;
          const part = (of: Float32Array, rows: number, cols: number): Float64Array =>
            float64(of.subarray(entry * rows * cols, (entry + 1) * rows * cols));
          for (let column = 0; column < p; column++) {
            // Each column by itself is multiplied by an operator with one gap a row, that column's.
            const pick = (of: Float64Array): Float64Array => of.filter((_, at) => at % p === column);
            const reference = {
              n,
              r,
              diag: part(data.diag, n, 1),
              q: part(data.q, n, r),
              k: part(data.k, n, r),
            };
            const decaying = { ...reference, decay: pick(part(data.decay, n, p)) };
            const state = pick(part(data.state, r, p));
            const want = recurrent.apply(decaying, pick(part(data.x, n, p)), 1, {
              trans,
              alpha: 2,
              initialState: state,
            });
            const scale = { y: 4 * r, state: 4 * r };
            const far = (got: Float64Array, of: Float64Array): number =>
              of.reduce((worst, value, at) => Math.max(worst, Math.abs(got[at]! - value)), 0);
            expect(far(pick(part(y, n, p)), want.y)).toBeLessThanOrEqual(16 * EPSILON * scale.y);
            expect(far(pick(part(z, r, p)), want.finalState)).toBeLessThanOrEqual(16 * EPSILON * scale.state);
          }
        }
        out.dispose();
        dispose();
      }
    }
  }
});

test("without decay nothing of it is dispatched; with one, a dispatch more for apply and two for solve", async () => {
  await backend.sync();
  dispatches.take();
  const shape = { batch: 1, n: 40, r: 4, p: 4 };
  const { op, x, dispose } = uploadDecay(backend, decayProblem(shape, 1, gates["resets"]!));
  const { diag, q, k } = op;
  solve(backend, { diag, q, k }, x).dispose();
  apply(backend, { diag, q, k }, x).dispose();
  await backend.sync();
  expect(dispatches.take()).toEqual([
    ...["coupling", "solve-scan"],
    ...["coupling", "apply-state", "apply-prefix", "apply-chunk"],
  ]);
  solve(backend, op, x).dispose();
  apply(backend, op, x).dispose();
  await backend.sync();
  expect(dispatches.take()).toEqual([
    ...["decay-chunks", "copy", "coupling", "solve-scan"],
    ...["decay-chunks", "coupling", "apply-state", "apply-prefix", "apply-chunk"],
  ]);
  dispose();
});
