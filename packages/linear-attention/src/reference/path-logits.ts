/**
 * A_ij = scale · q_iᵀ H_i H_{i−1} ⋯ H_{j+1} k_j for j ≤ i, H_t = I − β_t w_t w_tᵀ, by its definition: the row vector q_i passes from token
 * to token backwards. Returns A, [B, heads of the output, T, T], which is 0 for j > i.
 *
 * Yang et al., "PaTH Attention: Position Encoding via Accumulating Householder Transformations", arXiv 2505.16381;
 * flash-linear-attention, `fla/ops/path_attn/naive.py`, has it before its softmax.
 */
export function pathLogits(
  {
    batch,
    tokens,
    keyWidth,
    heads,
    scale = 1 / Math.sqrt(keyWidth),
  }: {
    readonly batch: number;
    readonly tokens: number;
    readonly keyWidth: number;
    readonly heads: { readonly query: number; readonly key: number };
    readonly scale?: number | undefined;
  },
  {
    query,
    key,
    erase,
    beta,
  }: {
    readonly query: Float64Array;
    readonly key: Float64Array;
    readonly erase: Float64Array;
    /** [B, T, heads.key] */
    readonly beta: Float64Array;
  },
): Float64Array {
  const outHeads = Math.max(heads.query, heads.key);
  const out = new Float64Array(batch * outHeads * tokens * tokens);
  const row = (
    x: Float64Array,
    b: number,
    t: number,
    head: number,
    of: number,
    width: number,
  ): Float64Array => {
    const start = ((b * tokens + t) * of + Math.floor((head * of) / outHeads)) * width;
    return x.slice(start, start + width);
  };
  const dot = (x: Float64Array, y: Float64Array): number =>
    x.reduce((sum, value, c) => sum + value * y[c]!, 0);
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < outHeads; h++)
      for (let i = 0; i < tokens; i++) {
        let q = row(query, b, i, h, heads.query, keyWidth);
        for (let j = i; j >= 0; j--) {
          const at = ((b * outHeads + h) * tokens + i) * tokens + j;
          out[at] = scale * dot(q, row(key, b, j, h, heads.key, keyWidth));
          const w = row(erase, b, j, h, heads.key, keyWidth);
          const along = row(beta, b, j, h, heads.key, 1)[0]! * dot(q, w);
          q = q.map((value, c) => value - along * w[c]!);
        }
      }
  return out;
}
