import { createHash } from "node:crypto";
import type { Backend, Dtype, FloatArray, Shape, Tensor } from "@dlrt/core";
import { uniformFrom } from "../../../tooling/random.mjs";

/** The four modules, as options. */
export const BUILDS = [
  { build: "simd", relaxed: false },
  { build: "simd+threads", relaxed: false },
  { build: "simd", relaxed: true },
  { build: "simd+threads", relaxed: true },
] as const;

/** Uniform in [−½, ½), the same for the same seed. */
export function random(dtype: Dtype, shape: Shape, seed: number, scale = 1): FloatArray {
  const length = shape[0] * shape[1] * shape[2];
  const data = dtype === "f32" ? new Float32Array(length) : new Float64Array(length);
  const uniform = uniformFrom(seed);
  for (let i = 0; i < length; i++) data[i] = scale * (uniform() - 0.5);
  return data;
}

/**
 * An operator and a right-hand side whose solution stays small for any n: q = 0.6 k with 0.6 |k|² < 1.8, so that no
 * I − k qᵀ / λ grows.
 */
export function problem<T extends Tensor>(
  backend: Backend<T>,
  dtype: Dtype,
  [batch, n, r, p]: readonly [number, number, number, number],
): { op: { diag: T; q: T; k: T }; b: T; state: T } {
  const put = (data: FloatArray, shape: Shape): T => backend.upload({ data, shape });
  const drawn = (shape: Shape, seed: number): T => put(random(dtype, shape, seed), shape);
  const k = random(dtype, [batch, n, r], 2, Math.sqrt(12 / Math.max(1, r)));
  const op = {
    diag: put(
      random(dtype, [batch, n, 1], 1, 0.2).map((x) => 1 + x),
      [batch, n, 1],
    ),
    q: put(
      k.map((x) => 0.6 * x),
      [batch, n, r],
    ),
    k: put(k, [batch, n, r]),
  };
  return { op, b: drawn([batch, n, p], 4), state: drawn([batch, r, p], 5) };
}

/** A digest of an array's bits. */
export function digest(data: FloatArray): string {
  return createHash("sha256")
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest("hex");
}
