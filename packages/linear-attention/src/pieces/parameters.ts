import type { Backend, Tensor } from "@dlrt/core";

/**
 * Returns a parameter [1, 1, H·D] as [B·heads, 1, D], one entry for each head of each sequence, without a copy. Where one head is stored,
 * H = 1, all entries read that.
 */
export function perEntry<T extends Tensor>(
  backend: Backend<T>,
  parameter: T,
  batch: number,
  heads: number,
  width: number,
): T {
  const shared = parameter.shape[2] === heads * width ? 1 : heads;
  return backend.view(parameter, [batch * heads, 1, width], {
    offset: 0,
    heads,
    shared,
    batch: 0,
    head: width,
    row: width,
  });
}
