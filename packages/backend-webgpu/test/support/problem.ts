import type { DiagLowRankTril, FloatArray, Shape } from "@dlrt/core";
import { matrixOf, omega, operatorOf } from "@dlrt/core/reference";
import type { GpuTensor, WebGpuBackend } from "../../src/index.js";
import { randomFrom } from "../../../../tooling/random.mjs";

export interface Problem {
  readonly shape: { readonly batch: number; readonly n: number; readonly r: number; readonly p: number };
  readonly diag: Float32Array;
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly b: Float32Array;
  /** It has batch · n or batch · n · r elements. Where it is absent, nothing decays. */
  readonly decay?: Float32Array;
}

/** Makes a problem as of a DeltaNet layer: unit keys, q = β k, λ = 1, so that T⁻¹ stays bounded. Its numbers are the same every time. */
export function problem(batch: number, n: number, r: number, p: number): Problem {
  const uniform = randomFrom(99);
  const fill = (count: number, scale: number, shift = 0): Float32Array =>
    Float32Array.from({ length: count }, () => shift + scale * uniform());
  const k = fill(batch * n * r, 1);
  const q = new Float32Array(batch * n * r);
  for (let row = 0; row < batch * n; row++) {
    const own = k.subarray(row * r, (row + 1) * r);
    const norm = Math.hypot(...own);
    const beta = 0.75 + 0.75 * uniform();
    own.forEach((value, m) => {
      own[m] = value / norm;
      q[row * r + m] = beta * own[m]!;
    });
  }
  return { shape: { batch, n, r, p }, diag: fill(batch * n, 0, 1), q, k, b: fill(batch * n * p, 1) };
}

export interface Uploaded {
  readonly op: DiagLowRankTril<GpuTensor> & { readonly diag: GpuTensor };
  readonly b: GpuTensor;
  dispose(): void;
}

export function upload(backend: WebGpuBackend, { shape: { batch, n, r, p }, ...data }: Problem): Uploaded {
  const put = (array: Float32Array, shape: Shape): GpuTensor => backend.upload({ data: array, shape });
  const op = {
    diag: put(data.diag, [batch, n, 1]),
    q: put(data.q, [batch, n, r]),
    k: put(data.k, [batch, n, r]),
  };
  const decay = data.decay && put(data.decay, [batch, n, data.decay.length / (batch * n)]);
  const b = put(data.b, [batch, n, p]);
  const all = [op.diag, op.q, op.k, decay, b];
  return { op: { ...op, decay }, b, dispose: () => all.forEach((t) => t?.dispose()) };
}

/** Returns the largest componentwise backward error ω of a solve, over all batch entries, in ε of f32. */
export function worstOmega(
  { shape: { batch, n, r, p }, ...data }: Problem,
  y: FloatArray,
  trans = false,
): number {
  let worst = 0;
  for (let index = 0; index < batch; index++) {
    const op = operatorOf({ batch, n, r, ...data }, index);
    const error =
      omega(op, matrixOf(y, batch, index), matrixOf(data.b, batch, index), p, { trans }) * 2 ** 24;
    worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  }
  return worst;
}
