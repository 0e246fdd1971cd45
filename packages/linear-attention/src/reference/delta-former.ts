/** The sizes and options of a DeltaFormer, whose arrays are packed, [B, T, H, D] row by row. */
export interface DeltaFormerProblem {
  readonly batch: number;
  readonly tokens: number;
  readonly keyWidth: number;
  readonly valueWidth: number;
  readonly heads: { readonly query: number; readonly key: number; readonly value: number };
  /** Default: 1/√K */
  readonly scale?: number | undefined;
  /** Default: "softmax" */
  readonly kernel?: "softmax" | "exp" | undefined;
  readonly sequences?: Int32Array | undefined;
}

/** Returns the exponentials of the scores, divided by their sum where the kernel is a softmax. */
function weights(scores: readonly number[], kernel: "softmax" | "exp"): number[] {
  const largest = kernel === "softmax" ? Math.max(...scores) : 0;
  const powers = scores.map((score) => Math.exp(score - largest));
  const total = kernel === "softmax" ? powers.reduce((sum, x) => sum + x, 0) : 1;
  return powers.map((x) => x / total);
}

/**
 * u_i = v_i − β_i Σ_{j<i} κ(w_i, k_j) u_j;   o_i = Σ_{j≤i} κ(q_i, k_j) u_j, κ a softmax of scale · w·k over the j of the sum, or its
 * exponential: token by token. Returns [B, T, heads of the output, V].
 *
 * Zhong, Xu, Ao and Shi, "Understanding Transformer from the Perspective of Associative Memory", arXiv 2505.19488;
 * flash-linear-attention, `fla/ops/deltaformer/naive.py`, where w is the query.
 */
export function deltaFormer(
  { batch, tokens, keyWidth, valueWidth, heads, sequences, ...options }: DeltaFormerProblem,
  {
    query,
    key,
    value,
    erase = query,
    beta,
  }: {
    readonly query: Float64Array;
    readonly key: Float64Array;
    readonly value: Float64Array;
    readonly erase?: Float64Array | undefined;
    /** [B, T, heads of the output], or fewer heads that neighbours share. Default 1 */
    readonly beta?: Float64Array | undefined;
  },
): Float64Array {
  const { scale = 1 / Math.sqrt(keyWidth), kernel = "softmax" } = options;
  const outHeads = Math.max(heads.query, heads.key, heads.value);
  const bounds = sequences ?? Int32Array.from({ length: batch + 1 }, (_, b) => b * tokens);
  const out = new Float64Array(batch * tokens * outHeads * valueWidth);
  const vector = (x: Float64Array, t: number, head: number, width: number): Float64Array => {
    const stored = x.length / (batch * tokens * width);
    const start = (t * stored + Math.floor((head * stored) / outHeads)) * width;
    return x.slice(start, start + width);
  };
  const dot = (x: Float64Array, y: Float64Array): number =>
    x.reduce((sum, value, c) => sum + value * y[c]!, 0);
  for (let n = 0; n + 1 < bounds.length; n++)
    for (let head = 0; head < outHeads; head++) {
      const [from, to] = [bounds[n]!, bounds[n + 1]!];
      const u: Float64Array[] = [];
      const keys = Array.from({ length: to - from }, (_, i) => vector(key, from + i, head, keyWidth));
      const read = (by: Float64Array, count: number): Float64Array => {
        const w = weights(
          keys.slice(0, count).map((k) => scale * dot(by, k)),
          kernel,
        );
        return Float64Array.from({ length: valueWidth }, (_, c) =>
          w.reduce((sum, x, j) => sum + x * u[j]![c]!, 0),
        );
      };
      for (let i = 0; i < to - from; i++) {
        const t = from + i;
        const b = beta ? vector(beta, t, head, 1)[0]! : 1;
        const erased = read(vector(erase, t, head, keyWidth), i);
        u.push(vector(value, t, head, valueWidth).map((v, c) => v - b * erased[c]!));
        out.set(read(vector(query, t, head, keyWidth), i + 1), (t * outHeads + head) * valueWidth);
      }
    }
  return out;
}
