import { apply, solve, type DiagLowRankTril, type Shape } from "@dlrt/core";
import {
  matrixOf,
  omega,
  omegaApply,
  omegaState,
  operatorOf,
  recurrent,
  type ReferenceOperator,
} from "@dlrt/core/reference";
import type { GpuTensor, WebGpuBackend } from "../../src/index.js";
import { EPSILON } from "./structured.js";
import { uniformFrom } from "../../../../tooling/random.mjs";

/** Draws the gap g of a row and channel. */
export type Gates = (next: () => number, row: number, channel: number) => number;

export const gates: Readonly<Record<string, Gates>> = {
  "as models produce": (next) => -Math.exp(3 * next()) * Math.log1p(Math.exp(8 * next() - 9)),
  resets: (next) => (next() < 1 / 16 ? -Infinity : -next()),
  "one constant a channel": (_, __, channel) => -0.04 - 0.013 * channel,
};

export interface DecayProblem {
  readonly shape: { readonly batch: number; readonly n: number; readonly r: number; readonly p: number };
  readonly data: Readonly<Record<"diag" | "q" | "k" | "decay" | "x" | "state", Float32Array>>;
}

export function decayProblem(
  shape: DecayProblem["shape"],
  channels: number,
  gate: Gates,
  seed = 1,
): DecayProblem {
  const { batch, n, r, p } = shape;
  const next = uniformFrom(seed);
  const fill = (count: number, value: () => number): Float32Array =>
    Float32Array.from({ length: count }, value);
  const signed = (): number => 2 * next() - 1;
  return {
    shape,
    data: {
      diag: fill(batch * n, () => 0.75 + next()),
      q: fill(batch * n * r, () => signed() / Math.sqrt(r)),
      k: fill(batch * n * r, () => signed() / Math.sqrt(r)),
      decay: Float32Array.from({ length: batch * n * channels }, (_, at) =>
        gate(next, Math.floor(at / channels) % n, at % channels),
      ),
      x: fill(batch * n * p, signed),
      state: fill(batch * r * p, signed),
    },
  };
}

export interface Uploaded {
  readonly op: DiagLowRankTril<GpuTensor> & { readonly diag: GpuTensor; readonly decay: GpuTensor };
  readonly x: GpuTensor;
  readonly initialState: GpuTensor;
  readonly finalState: GpuTensor;
  dispose(): void;
}

export function uploadDecay(
  backend: WebGpuBackend,
  { shape: { batch, n, r, p }, data }: DecayProblem,
): Uploaded {
  const all: GpuTensor[] = [];
  const put = (array: Float32Array, rows: number): GpuTensor => {
    const shape: Shape = [batch, rows, array.length / (batch * rows)];
    all.push(backend.upload({ data: array, shape }));
    return all.at(-1)!;
  };
  return {
    op: { diag: put(data.diag, n), q: put(data.q, n), k: put(data.k, n), decay: put(data.decay, n) },
    x: put(data.x, n),
    initialState: put(data.state, r),
    finalState: put(new Float32Array(batch * r * p).fill(Number.NaN), r),
    dispose: () => all.forEach((t) => t.dispose()),
  };
}

/** Returns the largest errors of output and final state, in ε, of an apply to x, or of a solve whose right-hand side is T x, rounded. */
export async function decayErrors(
  backend: WebGpuBackend,
  kernel: "apply" | "solve",
  problem: DecayProblem,
  options: { readonly chunk?: number; readonly trans: boolean },
): Promise<{ output: number; state: number }> {
  const { batch, n, r, p } = problem.shape;
  const { trans } = options;
  const entry = (array: Float32Array, index: number): Float64Array => matrixOf(array, batch, index);
  const ops: ReferenceOperator[] = Array.from({ length: batch }, (_, index) =>
    operatorOf({ batch, n, r, ...problem.data }, index),
  );
  const { x, state } = problem.data;
  const given = new Float32Array(x);
  if (kernel === "solve") {
    ops.forEach((op, index) =>
      given.set(
        recurrent.apply(op, entry(x, index), p, { trans, initialState: entry(state, index) }).y,
        index * n * p,
      ),
    );
  }
  const of = uploadDecay(backend, { ...problem, data: { ...problem.data, x: given } });
  const states = { initialState: of.initialState, finalState: of.finalState };
  const out = (kernel === "apply" ? apply : solve)(backend, of.op, of.x, { ...options, ...states });
  const y = await backend.read(out);
  const z = await backend.read(of.finalState);
  out.dispose();
  of.dispose();
  const worst = { output: 0, state: 0 };
  ops.forEach((op, index) => {
    const how = { trans, initialState: entry(state, index), dtype: "f32" as const };
    const [got, rhs] = [entry(y, index), entry(given, index)];
    const output = kernel === "apply" ? omegaApply(op, got, rhs, p, how) : omega(op, got, rhs, p, how);
    const after = omegaState(op, entry(z, index), kernel === "apply" ? rhs : got, p, how);
    worst.output = Math.max(worst.output, Number.isNaN(output) ? Infinity : output / EPSILON);
    worst.state = Math.max(worst.state, Number.isNaN(after) ? Infinity : after / EPSILON);
  });
  return worst;
}
