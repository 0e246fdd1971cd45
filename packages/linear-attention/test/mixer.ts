import type { Backend, Dtype, Shape, Tensor } from "@dlrt/core";
import { expect } from "vitest";
import { betaGate, causalConv, gatedDeltaRule, gatedRmsNorm, gdnGate, l2Norm } from "../src/index.js";
import { put, take } from "./backends.js";
import { errorOf } from "./layers.js";
import { randomFrom } from "../../../tooling/random.mjs";

// The token mixer of Qwen3.5 in a smaller size. It has twice as many value heads as key heads.
const [B, T, KEYS, VALUES, K, V, TAPS] = [2, 37, 2, 4, 8, 12, 4];
const CHANNELS = 2 * KEYS * K + VALUES * V;
const shapes = {
  qkv: [B, T, CHANNELS],
  z: [B, T, VALUES * V],
  a: [B, T, VALUES],
  b: [B, T, VALUES],
  conv: [CHANNELS, 1, TAPS],
  aLog: [1, 1, VALUES],
  dtBias: [1, 1, VALUES],
  weight: [1, 1, V],
} as const satisfies Record<string, Shape>;
type Name = keyof typeof shapes;
type Arrays = Record<Name, Float64Array>;

function arraysOf(seed: number): Arrays {
  const random = randomFrom(seed);
  return Object.fromEntries(
    Object.entries(shapes).map(([name, [batch, rows, cols]]) => [
      name,
      Float64Array.from({ length: batch * rows * cols }, () => Math.fround(random())),
    ]),
  ) as Arrays;
}

/** Computes the mixer in plain loops, one token after the other, with nothing of this package. */
function plainMixer({ qkv, z, a, b, conv, aLog, dtBias, weight }: Arrays): Float64Array {
  const silu = (x: number) => x / (1 + Math.exp(-x));
  const out = new Float64Array(B * T * VALUES * V);
  for (let n = 0; n < B; n++) {
    const states = Array.from({ length: VALUES }, () => new Float64Array(K * V));
    for (let t = 0; t < T; t++) {
      const mixed = Array.from({ length: CHANNELS }, (_, c) => {
        let y = 0;
        for (let j = 0; j < TAPS; j++) {
          const from = t + j - (TAPS - 1);
          if (from >= 0) y += conv[c * TAPS + j]! * qkv[(n * T + from) * CHANNELS + c]!;
        }
        return silu(y);
      });
      const unit = (from: number) => {
        const x = mixed.slice(from, from + K);
        const norm = Math.sqrt(x.reduce((sum, value) => sum + value ** 2, 1e-6));
        return x.map((value) => value / norm);
      };
      for (let h = 0; h < VALUES; h++) {
        const keyHead = Math.floor((h * KEYS) / VALUES);
        const [q, k] = [unit(keyHead * K), unit((KEYS + keyHead) * K)];
        const at = (n * T + t) * VALUES + h;
        const g = -Math.exp(aLog[h]!) * Math.log(1 + Math.exp(a[at]! + dtBias[h]!));
        const beta = 1 / (1 + Math.exp(-b[at]!));
        const state = states[h]!.map((value) => Math.exp(g) * value);
        for (let j = 0; j < V; j++) {
          const read = k.reduce((sum, value, i) => sum + value * state[i * V + j]!, 0);
          const write = beta * (mixed[2 * KEYS * K + h * V + j]! - read);
          for (let i = 0; i < K; i++) state[i * V + j]! += k[i]! * write;
        }
        states[h] = state;
        const o = Array.from(
          { length: V },
          (_, j) => q.reduce((sum, value, i) => sum + value * state[i * V + j]!, 0) / Math.sqrt(K),
        );
        const root = Math.sqrt(o.reduce((sum, value) => sum + value ** 2, 0) / V + 1e-6);
        for (let j = 0; j < V; j++) out[at * V + j] = (o[j]! / root) * weight[j]! * silu(z[at * V + j]!);
      }
    }
  }
  return out;
}

interface States {
  conv?: Tensor | undefined;
  rule?: Tensor | undefined;
}

/** Computes the tokens `from` to `to` by this package's calls. They begin in `states`, if there are any, and leave theirs there. */
function mixer(
  backend: Backend,
  all: Record<Name, Tensor>,
  states: States,
  from: number,
  to: number,
): Tensor {
  const view = (t: Tensor, start: number, cols: number): Tensor =>
    backend.view(t, [B, to - from, cols], { ...t.layout, offset: start });
  const tokens = (t: Tensor): Tensor => view(t, from * t.shape[2], t.shape[2]);
  const mixed = causalConv(
    backend,
    { x: tokens(all.qkv), weight: all.conv },
    { activation: "silu", initialState: states.conv, finalState: states.conv ?? true },
  );
  const query = l2Norm(backend, { x: view(mixed.output, 0, KEYS * K) }, { heads: KEYS });
  const key = l2Norm(backend, { x: view(mixed.output, KEYS * K, KEYS * K) }, { heads: KEYS });
  const value = view(mixed.output, 2 * KEYS * K, VALUES * V);
  const decay = gdnGate(backend, { a: tokens(all.a), aLog: all.aLog, dtBias: all.dtBias });
  const beta = betaGate(backend, { b: tokens(all.b) });
  const { output, finalState } = gatedDeltaRule(
    backend,
    { query, key, value, beta, decay },
    {
      heads: { query: KEYS, key: KEYS, value: VALUES },
      initialState: states.rule,
      finalState: states.rule ?? true,
    },
  );
  const normed = gatedRmsNorm(
    backend,
    { x: output, gate: tokens(all.z), weight: all.weight },
    { heads: VALUES },
  );
  for (const t of [mixed.output, query, key, decay, beta, output]) t.dispose();
  states.conv = mixed.finalState;
  states.rule = finalState;
  return normed;
}

/** Returns how far the mixer, in pieces between `bounds`, is from the plain loops, relative to the largest element. */
export async function mixerError(backend: Backend, dtype: Dtype, bounds: readonly number[]): Promise<number> {
  const arrays = arraysOf(1);
  const all = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, put(backend, arrays[name as Name], shape, dtype)]),
  ) as Record<Name, Tensor>;
  const states: States = {};
  const got = new Float64Array(B * T * VALUES * V);
  for (let n = 0; n + 1 < bounds.length; n++) {
    const [from, to] = [bounds[n]!, bounds[n + 1]!];
    const { y } = await take(backend, { y: mixer(backend, all, states, from, to) });
    const size = (to - from) * VALUES * V;
    for (let b = 0; b < B; b++) got.set(y!.subarray(b * size, (b + 1) * size), (b * T + from) * VALUES * V);
  }
  for (const t of [...Object.values(all), states.conv!, states.rule!]) t.dispose();
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  return errorOf(got, plainMixer(arrays));
}

/** The bounds of pieces of its tokens: one piece, two, and a prompt that is followed by single tokens. */
export const cuts = [
  [0, T],
  [0, 20, T],
  [0, 30, 31, 32, 33, 34, 35, 36, T],
];
