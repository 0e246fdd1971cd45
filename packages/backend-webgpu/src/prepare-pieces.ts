import type { PrepareParams, Shape } from "@dlrt/core";
import type { Kernels } from "@dlrt/core/backend";
import type { GpuTensor } from "./tensor.js";

/** The kernels of the small pieces around a layer. */
export const PIECES: readonly string[] = [
  "normalizeRows",
  "gate",
  "causalConv",
  "causalConvVjp",
  "gatedNorm",
] satisfies (keyof Kernels)[];

const TAPS = 4;
const EPS = 1e-6;

/** Calls the kernel once in each of the ways in which it can be called, forward and for gradients. */
export function rehearsePiece(
  kernels: Kernels<GpuTensor>,
  { kernel, batch, n, p }: PrepareParams,
  tensor: (...shape: Shape) => GpuTensor,
): void {
  const sizes = { batch, n, p };
  const [x, row] = [tensor(batch, n, p), tensor(batch, 1, p)];
  const out = tensor(batch, n, p);
  const weight = tensor(batch, TAPS, p);
  const states = { initialState: tensor(batch, TAPS - 1, p), finalState: tensor(batch, TAPS - 1, p) };
  const conv = { ...sizes, ...states, taps: TAPS, activation: "silu", x, weight, bias: row } as const;
  const norm = { ...sizes, eps: EPS, activation: "silu", x, gate: x, weight: row } as const;
  switch (kernel) {
    case "normalizeRows":
      kernels.normalizeRows?.({ ...sizes, eps: EPS, x, out });
      kernels.normalizeRows?.({ ...sizes, eps: EPS, x, cotangent: x, out });
      break;
    case "gate":
      kernels.gate?.({ ...sizes, x, a: tensor(batch, 1, 1), bias: row, out });
      break;
    case "causalConv":
      kernels.causalConv?.({ ...conv, out });
      break;
    case "causalConvVjp":
      kernels.causalConvVjp?.({ ...conv, cotangent: x, gradients: { x: out, weight, bias: row } });
      break;
    case "gatedNorm":
      kernels.gatedNorm?.({ ...norm, out });
      kernels.gatedNorm?.({ ...norm, cotangent: x, gradients: { x: out, gate: out, weightTerms: out } });
      break;
    default:
      break;
  }
}
