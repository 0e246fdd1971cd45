import type { Dtype, FloatArray, HostTensor, Shape } from "@dlrt/core";
import { contiguousLayout } from "@dlrt/core/backend";
import { elementCount, newFloatArray, unitRoundoff } from "@dlrt/core";
import type { ReferenceOperator } from "@dlrt/core/reference";
import { randomFrom } from "../../../../tooling/random.mjs";

/** Returns the ω that a kernel may reach: 16 ε, for ranks up to 128. */
export const limit = (dtype: Dtype): number => 16 * unitRoundoff[dtype];

export function tensor(shape: Shape, dtype: Dtype, value: (index: number) => number = () => NaN): HostTensor {
  const data = newFloatArray(dtype, elementCount(shape)).map((_, index) => value(index)) as FloatArray;
  return {
    dtype,
    shape,
    layout: contiguousLayout(shape),
    data,
    backend: data,
    disposed: false,
    storage: data.buffer,
    byteOffset: 0,
    dispose() {},
    [Symbol.dispose]() {},
  };
}

export interface Problem {
  readonly dtype: Dtype;
  readonly batch: number;
  readonly n: number;
  readonly r: number;
  readonly p: number;
  readonly diag: HostTensor;
  readonly q: HostTensor;
  readonly k: HostTensor;
  readonly b: HostTensor;
  readonly state: HostTensor;
}

export type Sizes = readonly [batch: number, n: number, r: number, p: number];

/** Makes a random problem. Its keys have norms of about 1 and its λ are in ±[0.5, 1.5), so that nothing overflows. */
export function problem([batch, n, r, p]: Sizes, dtype: Dtype, seed = 1): Problem {
  const random = randomFrom(seed + n + 31 * r + 101 * p);
  const scale = 1 / Math.sqrt(Math.max(1, r));
  return {
    dtype,
    batch,
    n,
    r,
    p,
    diag: tensor([batch, n, 1], dtype, () => (1 + random() / 2) * (random() < -0.8 ? -1 : 1)),
    q: tensor([batch, n, r], dtype, () => scale * random()),
    k: tensor([batch, n, r], dtype, () => scale * random()),
    b: tensor([batch, n, p], dtype, random),
    state: tensor([batch, r, p], dtype, random),
  };
}

/** Returns one batch entry of a tensor in float64. */
export function entry(t: HostTensor, batch: number): Float64Array {
  const size = t.shape[1] * t.shape[2];
  return Float64Array.from(t.data.subarray(batch * size, (batch + 1) * size));
}

export function referenceOperator(op: Problem, batch: number): ReferenceOperator {
  return { n: op.n, r: op.r, diag: entry(op.diag, batch), q: entry(op.q, batch), k: entry(op.k, batch) };
}

/**
 * Returns the first place from `from` up to, but not including, `to` where bits differ, or −1. NaN equals itself here,
 * and −0 differs from 0.
 */
export function firstDifference(a: FloatArray, b: FloatArray, from = 0, to: number = a.length): number {
  for (let at = from; at < to; at++) if (!Object.is(a[at], b[at])) return at;
  return -1;
}
