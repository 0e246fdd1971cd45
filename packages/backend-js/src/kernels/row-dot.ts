import type { FloatArray, HostTensor } from "@dlrt/core";
import type { RowDotParams } from "@dlrt/core/backend";
import { rowsOf } from "./rows.js";

/** Computes out_i = α x_i · y_i, summed in float64. */
export function rowDot(params: RowDotParams<HostTensor>): void {
  const { n, p, alpha } = params;
  const dot = params.out.dtype === "f32" ? dot32 : dot64;
  for (let entry = 0; entry < params.batch; entry++) {
    const x = rowsOf(params.x, entry);
    const y = rowsOf(params.y, entry);
    const { data, start, stride } = rowsOf(params.out, entry);
    for (let i = 0; i < n; i++) {
      data[start + i * stride] =
        alpha * dot(x.data, x.start + i * x.stride, y.data, y.start + i * y.stride, p);
    }
  }
}

/** Sums in one chain of float64 additions: 2²⁹ of them lose less than the one rounding to f32 at the end. */
function dot32(x: FloatArray, atX: number, y: FloatArray, atY: number, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += x[(atX + i) | 0]! * y[(atY + i) | 0]!;
  return sum;
}

/**
 * The number of terms that are summed apart, so that a sum of n terms undergoes n/64 + 12 roundings at most rather than
 * n.
 */
const CUT = 64;

export function dot64(x: FloatArray, atX: number, y: FloatArray, atY: number, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i += CUT) sum += dotCut(x, atX + i, y, atY + i, Math.min(CUT, n - i));
  return sum;
}

/** Sums in one chain at most 8 sums of 8 products, and in another at most 7 products that are left over. */
function dotCut(x: FloatArray, atX: number, y: FloatArray, atY: number, n: number): number {
  let sum = 0;
  let rest = 0;
  let i = atX | 0;
  let j = atY | 0;
  const end = i + n;
  for (; i < end - 7; i += 8, j += 8) {
    const first = x[i]! * y[j]! + x[i + 1]! * y[j + 1]! + (x[i + 2]! * y[j + 2]! + x[i + 3]! * y[j + 3]!);
    const last =
      x[i + 4]! * y[j + 4]! + x[i + 5]! * y[j + 5]! + (x[i + 6]! * y[j + 6]! + x[i + 7]! * y[j + 7]!);
    sum += first + last;
  }
  for (; i < end; i++, j++) rest += x[i]! * y[j]!;
  return sum + rest;
}
