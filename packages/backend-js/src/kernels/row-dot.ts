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

/** One chain of at most 8 sums of 8 products, and one of at most 7 products for what is left over. */
function dotCut(x: FloatArray, y: FloatArray, from: number, to: number): number {
  let sum = 0;
  let rest = 0;
  let i = from;
  for (; i < to - 7; i += 8) {
    const first = x[i]! * y[i]! + x[i + 1]! * y[i + 1]! + (x[i + 2]! * y[i + 2]! + x[i + 3]! * y[i + 3]!);
    const last =
      x[i + 4]! * y[i + 4]! + x[i + 5]! * y[i + 5]! + (x[i + 6]! * y[i + 6]! + x[i + 7]! * y[i + 7]!);
    sum += first + last;
  }
  for (; i < to; i++) rest += x[i]! * y[i]!;
  return sum + rest;
}
