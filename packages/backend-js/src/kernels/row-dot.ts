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

function dot32(x: FloatArray, y: FloatArray, offset: number, n: number): number {
  let sum = 0;
  for (let i = offset; i < offset + n; i++) sum += x[i]! * y[i]!;
  return sum;
}

function dot64(x: FloatArray, y: FloatArray, offset: number, n: number): number {
  let sum = 0;
  for (let i = offset; i < offset + n; i++) sum += x[i]! * y[i]!;
  return sum;
}
