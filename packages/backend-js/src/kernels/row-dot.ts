import type { HostTensor, RowDotParams } from "@dlrt/core";

type FloatArray = HostTensor["data"];

/** out_i = α x_i · y_i, summed in float64. */
export function rowDot(params: RowDotParams<HostTensor>): void {
  const { p, alpha } = params;
  const out = params.out.data;
  const dot = out instanceof Float32Array ? dot32 : dot64;
  for (let i = 0; i < params.batch * params.n; i++)
    out[i] = alpha * dot(params.x.data, params.y.data, i * p, p);
}

/** One chain of float64 additions: 2²⁹ of them lose less than the one rounding to f32. */
function dot32(x: FloatArray, y: FloatArray, offset: number, n: number): number {
  let sum = 0;
  for (let i = offset; i < offset + n; i++) sum += x[i]! * y[i]!;
  return sum;
}

/** Terms that have a sum of their own, so that n terms lose n/64 + 12 roundings at most rather than n. */
const CUT = 64;

function dot64(x: FloatArray, y: FloatArray, offset: number, n: number): number {
  let sum = 0;
  const end = offset + n;
  for (let i = offset; i < end; i += CUT) sum += dotCut(x, y, i, Math.min(i + CUT, end));
  return sum;
}

/** Four chains of at most 8 additions, and one of at most 7 for what is left over by eights. */
function dotCut(x: FloatArray, y: FloatArray, from: number, to: number): number {
  let [s0, s1, s2, s3, rest] = [0, 0, 0, 0, 0];
  let i = from;
  for (; i + 7 < to; i += 8) {
    s0 += x[i]! * y[i]! + x[i + 1]! * y[i + 1]!;
    s1 += x[i + 2]! * y[i + 2]! + x[i + 3]! * y[i + 3]!;
    s2 += x[i + 4]! * y[i + 4]! + x[i + 5]! * y[i + 5]!;
    s3 += x[i + 6]! * y[i + 6]! + x[i + 7]! * y[i + 7]!;
  }
  for (; i < to; i++) rest += x[i]! * y[i]!;
  return s0 + s1 + (s2 + s3) + rest;
}
