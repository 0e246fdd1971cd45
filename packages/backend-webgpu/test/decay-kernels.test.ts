import { apply, inverse, solve, type Shape } from "@dlrt/core";
import { gate, omegaInverse, operatorOf, recurrent } from "@dlrt/core/reference";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWebGpuBackend, type GpuTensor, type WebGpuBackend } from "../src/node.js";
import { decayErrors, decayProblem, gates, uniforms, uploadDecay } from "./support/decay.js";
import { watchDispatches } from "./support/dispatches.js";
import { EPSILON } from "./support/structured.js";

let backend: WebGpuBackend;
let pieces: WebGpuBackend;
beforeAll(async () => {
  backend = await createWebGpuBackend({ selfTest: false, chunk: 16 });
  pieces = await createWebGpuBackend({
    selfTest: false,
    chunk: 16,
    maxScratchBytes: 8192,
    maxSubmitFlops: 4000,
  });
});
afterAll(async () => {
  await backend.dispose();
  await pieces.dispose();
});

const float64 = (data: Float32Array): Float64Array => Float64Array.from(data);

/** Units in the last place of the float32 nearest to `exact`. */
function ulps(got: number, exact: number): number {
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(Math.fround(exact)))));
  return Math.abs(got - exact) / 2 ** (exponent - 23);
}

/** y and the final state of entries of `rows` rows, T = [[0, 0], [1, 0]]: only gaps are seen in them. */
async function factorsOf(
  decay: Float32Array,
  rows: number,
  first: number,
): Promise<[Float32Array, Float32Array]> {
  const batch = decay.length / rows;
  const put = (data: Float32Array, shape: Shape): GpuTensor => backend.upload({ data, shape });
  const one = put(new Float32Array(batch * rows).fill(1), [batch, rows, 1]);
  const x = put(
    Float32Array.from({ length: batch * rows }, (_, at) => (at % rows === 0 ? first : 0)),
    [batch, rows, 1],
  );
  const initialState = put(new Float32Array(batch).fill(1 - first), [batch, 1, 1]);
  const finalState = backend.empty([batch, 1, 1]);
  const op = { q: one, k: one, decay: put(decay, [batch, rows, 1]) };
  const y = apply(backend, op, x, { initialState, finalState });
  const result: [Float32Array, Float32Array] = [await backend.read(y), await backend.read(finalState)];
  [one, x, initialState, finalState, op.decay, y].forEach((t) => t.dispose());
  return result;
}

test("the factor of one gap, over all of its range: 1.5 units in the last place at most, 0 below e^−88", async () => {
  const next = uniforms(7);
  const gaps = Float32Array.from({ length: 20000 }, (_, at) =>
    at < 10000 ? -87.3 * (at / 10000) - 1e-3 * next() : -(2 ** (-30 + 36.4 * next())),
  );
  gaps.set([0, -Infinity, -1e30, -104, -88, -128, -129]);
  // F's factor, and the state's, whose smaller part leaves the normal numbers sooner
  const [read, kept] = await factorsOf(gaps, 1, 0);
  for (const [got, least] of [
    [read, 2 ** -104],
    [kept, 2 ** -100],
  ] as const) {
    gaps.forEach((gap, at) => {
      const exact = Math.exp(gap);
      if (exact < least) expect(Math.abs(got[at]! - exact), `e^${gap}`).toBeLessThanOrEqual(least / 2 ** 22);
      else expect(ulps(got[at]!, exact), `e^${gap}`).toBeLessThanOrEqual(1.5);
      if (gap < -88) expect(got[at], `e^${gap}`).toBe(0);
    });
  }
  expect([read[0], read[1]]).toEqual([1, 0]);
});

test("the factor of a sum of gaps between two rows of a chunk: 1.5 units beyond what rounding the sum would cost", async () => {
  const [rows, batch] = [16, 500];
  const next = uniforms(8);
  const gaps = Float32Array.from({ length: rows * batch }, (_, at) => -(next() ** 3) * [8, 1, 0.01][at % 3]!);
  const [coupled, kept] = await factorsOf(gaps, rows, 1);
  for (let entry = 0; entry < batch; entry++) {
    let sum = 0;
    for (let row = 1; row < rows; row++) {
      sum += gaps[entry * rows + row]!;
      if (Math.exp(sum) < 2 ** -120) continue;
      expect(ulps(coupled[entry * rows + row]!, Math.exp(sum)), `${sum}`).toBeLessThanOrEqual(2);
    }
    if (Math.exp(sum) > 2 ** -120) expect(ulps(kept[entry]!, Math.exp(sum))).toBeLessThanOrEqual(2);
  }
});

const exactShape = { batch: 2, n: 75, r: 3, p: 2 };

test.each(["row", "channel"])("g of 0 and −∞ alone, per %s: not a bit is wrong, in any way", async (kind) => {
  const channels = kind === "row" ? 1 : 3;
  const problem = decayProblem(exactShape, channels, (next) => (next() < 0.2 ? -Infinity : 0));
  const { batch, n, r, p } = exactShape;
  const next = uniforms(5);
  const choose = (data: Float32Array, values: readonly number[]): void =>
    data.forEach((_, at) => (data[at] = values[Math.floor(next() * values.length)]!));
  choose(problem.data.q, [-1, 0, 0, 0, 0, 1]);
  choose(problem.data.k, [-1, 0, 0, 0, 0, 1]);
  choose(problem.data.diag, [-1, 1]);
  choose(problem.data.x, [-2, -1, 0, 1, 2]);
  choose(problem.data.state, [-2, -1, 0, 1, 2]);
  const parallel = await createWebGpuBackend({ selfTest: false, chunk: 16, scan: "parallel", scanGroups: 2 });
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
          const want = recurrent[verb](reference, rhs, p, { trans, state });
          const same = (got: Float32Array, of: Float64Array): boolean =>
            of.every((value, at) => value === got[at]);
          expect(same(y.subarray(entry * n * p), want.y), `${verb}, ${trans}`).toBe(true);
          expect(same(z.subarray(entry * r * p), want.state), `state of ${verb}, ${trans}`).toBe(true);
        }
        out.dispose();
      }
    }
    dispose();
  }
  await parallel.dispose();
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
  const parallel = await createWebGpuBackend({ selfTest: false, chunk: 16, scan: "parallel", scanGroups: 4 });
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
  await parallel.dispose();
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
            // one column is an operator with one gap a row
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
            const want = recurrent.apply(decaying, pick(part(data.x, n, p)), 1, { trans, alpha: 2, state });
            const scale = { y: 4 * r, state: 4 * r };
            const far = (got: Float64Array, of: Float64Array): number =>
              of.reduce((worst, value, at) => Math.max(worst, Math.abs(got[at]! - value)), 0);
            expect(far(pick(part(y, n, p)), want.y)).toBeLessThanOrEqual(16 * EPSILON * scale.y);
            expect(far(pick(part(z, r, p)), want.state)).toBeLessThanOrEqual(16 * EPSILON * scale.state);
          }
        }
        out.dispose();
        dispose();
      }
    }
  }
});

test.each([
  [1, 9000, 1, 3],
  [2, 700, 5, 5],
  [2, 50, 3, 1],
])(
  "the gradient of the decay, %i × %i rows, %i channels of Q, %i of g: within 16 ε of what was added up",
  async (batch, n, rank, channels) => {
    const r = channels === 1 ? rank : channels;
    const next = uniforms(n);
    const fill = (count: number, value = (): number => 2 * next() - 1): Float32Array =>
      Float32Array.from({ length: count }, value);
    const [q, k, qGradient, kGradient] = [1, 2, 3, 4].map(() => fill(batch * n * r));
    const start = fill(batch * r);
    const decay = fill(batch * n * channels, () => (next() < 0.05 ? -Infinity : -next()));
    for (const on of [backend, pieces]) {
      for (const trans of [false, true]) {
        const put = (data: Float32Array, rows: number, cols: number): GpuTensor =>
          on.upload({ data, shape: [batch, rows, cols] });
        const all = {
          decay: put(decay, n, channels),
          q: put(q!, n, r),
          k: put(k!, n, r),
          qGradient: put(qGradient!, n, r),
          kGradient: put(kGradient!, n, r),
          start: put(start, r, 1),
          out: put(
            fill(batch * n * channels, () => Number.NaN),
            n,
            channels,
          ),
        };
        on.kernels.decayVjp({ batch, n, r, trans, ...all });
        const got = await on.read(all.out);
        Object.values(all).forEach((t) => t.dispose());
        for (let entry = 0; entry < batch; entry++) {
          for (let channel = 0; channel < channels; channel++) {
            const of = channels === 1 ? Array.from({ length: r }, (_, m) => m) : [channel];
            let sum = of.reduce((total, m) => total + start[entry * r + m]!, 0);
            let size = of.reduce((total, m) => total + Math.abs(start[entry * r + m]!), 0);
            const add = (row: number): void => {
              for (const m of of) {
                const at = (entry * n + row) * r + m;
                const [a, b] = [q![at]! * qGradient![at]!, k![at]! * kGradient![at]!];
                sum += (trans ? 1 : -1) * (a - b);
                size += Math.abs(a) + Math.abs(b);
              }
            };
            for (let step = 0; step < n; step++) {
              const row = trans ? n - 1 - step : step;
              if (trans) add(row);
              const at = (entry * n + row) * channels + channel;
              if (decay[at] === -Infinity) expect(got[at]).toBe(0);
              else expect(Math.abs(got[at]! - sum)).toBeLessThanOrEqual(4 * EPSILON * size);
              if (!trans) add(row);
            }
          }
        }
      }
    }
  },
);

test("without decay nothing of it is dispatched; with one, a dispatch more for apply and two for solve", async () => {
  const own = await createWebGpuBackend({ selfTest: false, chunk: 16 });
  const dispatches = watchDispatches(own);
  const shape = { batch: 1, n: 40, r: 4, p: 4 };
  const { op, x, dispose } = uploadDecay(own, decayProblem(shape, 1, gates["resets"]!));
  const { diag, q, k } = op;
  solve(own, { diag, q, k }, x).dispose();
  apply(own, { diag, q, k }, x).dispose();
  await own.sync();
  expect(dispatches.take()).toEqual([
    ...["coupling", "solve-scan"],
    ...["coupling", "apply-state", "apply-prefix", "apply-chunk"],
  ]);
  solve(own, op, x).dispose();
  apply(own, op, x).dispose();
  await own.sync();
  expect(dispatches.take()).toEqual([
    ...["decay-rows", "copy", "coupling", "solve-scan"],
    ...["decay-rows", "coupling", "apply-state", "apply-prefix", "apply-chunk"],
  ]);
  dispose();
  await own.dispose();
});
