import type { Backend } from "../contract/backend.js";
import { ShapeError } from "../contract/errors.js";
import { checkCount } from "../contract/options.js";
import type { Tensor } from "../contract/tensor.js";
import { checkReadable } from "./check.js";

/**
 * The heads of a layer's packed array as batch entries, without a copy: [B, T, H·D] becomes [B·H·shared, T, D], entry
 * e being head ⌊(e mod H·shared) / shared⌋ of sequence ⌊e / (H·shared)⌋.
 *
 * `shared` above 1 lets that many neighbouring entries read one head: with H key heads and H·shared value heads the
 * value heads are `heads(backend, value, H·shared)` and the key heads `heads(backend, key, H, { shared })` (grouped
 * queries or values). Such a view is only read.
 *
 * @param t [B, T, H·D], itself with one head a sequence
 * @returns a view, disposed with `t`
 * @throws ShapeError (the columns are no multiple of H, `t` has heads already), ValueError, DisposedError
 */
export function heads<T extends Tensor>(
  backend: Backend<T>,
  t: T,
  count: number,
  { shared = 1 }: { readonly shared?: number | undefined } = {},
): T {
  checkReadable(backend, "t", t);
  checkCount("heads", count);
  checkCount("shared", shared);
  const [batch, rows, cols] = t.shape;
  if (cols % count !== 0)
    throw new ShapeError("t", `columns in a multiple of ${count} heads`, `${cols} columns`);
  if (t.layout.heads !== 1) throw new ShapeError("t", "one head a sequence", `${t.layout.heads} heads`);
  const width = cols / count;
  const { batch: sequence, row } = t.layout;
  return backend.view(t, [batch * count * shared, rows, width], {
    offset: 0,
    heads: count * shared,
    shared,
    batch: sequence,
    head: width,
    row,
  });
}
