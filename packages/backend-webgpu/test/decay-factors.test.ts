import { apply, type Shape } from "@dlrt/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GpuTensor, WebGpuBackend } from "../src/node.js";
import { uniformFrom } from "../../../tooling/random.mjs";
import { onSharedDevice } from "./support/shared-device.js";
import { EPSILON } from "./support/structured.js";

let backend: WebGpuBackend;
let pieces: WebGpuBackend;
beforeAll(async () => {
  backend = await onSharedDevice({ chunk: 16 });
  pieces = await onSharedDevice({ chunk: 16, maxScratchBytes: 8192 });
});
afterAll(async () => {
  await pieces.dispose();
  await backend.dispose();
});

/** Returns an error in units in the last place of the float32 nearest to `exact`. */
function ulps(got: number, exact: number): number {
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(Math.fround(exact)))));
  return Math.abs(got - exact) / 2 ** (exponent - 23);
}

/**
 * Applies T with λ = 0 and q = k = 1 to batch entries of `rows` rows. x is `first` in the first row and 0 below, and the initial state is
 * 1 − first, so that y and the final state, which are returned, are factors of decay and nothing else.
 */
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
  const next = uniformFrom(7);
  const gaps = Float32Array.from({ length: 20000 }, (_, at) =>
    at < 10000 ? -87.3 * (at / 10000) - 1e-3 * next() : -(2 ** (-30 + 36.4 * next())),
  );
  gaps.set([0, -Infinity, -1e30, -104, -88, -128, -129]);
  // `read` has the factor of F, and `kept` that of the state, of whose two parts the smaller one leaves the normal numbers sooner.
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
  const next = uniformFrom(8);
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

test.each([
  [1, 9000, 1, 3],
  [2, 700, 5, 5],
  [2, 50, 3, 1],
])(
  "the gradient of the decay, %i × %i rows, %i channels of Q, %i of g: within 16 ε of what was added up",
  async (batch, n, rank, channels) => {
    const r = channels === 1 ? rank : channels;
    const next = uniformFrom(n);
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
