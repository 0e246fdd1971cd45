/**
 * x / √(Σx² + eps) over every `width` numbers: flash-linear-attention's `l2norm`, eps inside the root.
 * @param x is [B, T, H, width]
 */
export function l2Norm(x: Float64Array, width: number, eps: number): Float64Array {
  const out = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += width) {
    const row = x.subarray(at, at + width);
    const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, eps));
    out.set(
      row.map((value) => value / norm),
      at,
    );
  }
  return out;
}
