/** The sizes and options of every layer's recurrence. Arrays are packed, [B, T, H, D] row by row. */
export interface ReferenceProblem {
  /** B, which is 1 with `sequences` */
  readonly batch: number;
  /** T */
  readonly tokens: number;
  /** K */
  readonly keyWidth: number;
  /** V */
  readonly valueWidth: number;
  /**
   * The stored heads of each. The state has as many heads as key or value, whichever has more; the output has as many as the query or the
   * state, whichever has more.
   */
  readonly heads: {
    readonly query: number;
    readonly key: number;
    readonly value: number;
    /** The stored head that head h of H reads: ⌊h / (H / stored)⌋, the default, or h mod stored. */
    readonly order?: "neighbours" | "modulo" | undefined;
  };
  /** What the output is multiplied by. Default: 1/√K, and 1 where a layer says so. */
  readonly scale?: number | undefined;
  /** Query and keys become x/√(Σx² + eps). */
  readonly normalizeKeys?: { readonly eps: number } | undefined;
  /** The bounds of N packed sequences, 0 = s₀ ≤ … ≤ s_N = T. */
  readonly sequences?: Int32Array | undefined;
  /** [N, H, K, V], of N sequences (N = B without `sequences`) with H heads of the state. Default 0 */
  readonly initialState?: Float64Array | undefined;
}

export interface ReferenceResult {
  /** [B, T, heads of the output, V] */
  readonly output: Float64Array;
  /** [N, heads of the state, K, V] */
  readonly finalState: Float64Array;
}

/** S, the K×V state of one head. */
export class State {
  constructor(
    readonly data: Float64Array,
    readonly keyWidth: number,
    readonly valueWidth: number,
  ) {}

  /** S ← diag(exp(g)) S, where g is one number, or one for each row of S. */
  decay(g: Float64Array): void {
    for (let i = 0; i < this.keyWidth; i++) {
      const factor = Math.exp(g[g.length === 1 ? 0 : i]!);
      // A factor of 0 forgets whatever was there, numbers that are not finite included, since 0 times those would be NaN.
      for (let j = 0; j < this.valueWidth; j++) {
        const at = i * this.valueWidth + j;
        this.data[at] = factor === 0 ? 0 : factor * this.data[at]!;
      }
    }
  }

  /** Sᵀ k */
  read(k: Float64Array): Float64Array {
    const out = new Float64Array(this.valueWidth);
    for (let i = 0; i < this.keyWidth; i++)
      for (let j = 0; j < this.valueWidth; j++) out[j]! += k[i]! * this.data[i * this.valueWidth + j]!;
    return out;
  }

  /** S ← S + k wᵀ */
  add(k: Float64Array, w: Float64Array): void {
    for (let i = 0; i < this.keyWidth; i++)
      for (let j = 0; j < this.valueWidth; j++) this.data[i * this.valueWidth + j]! += k[i]! * w[j]!;
  }
}

/** One token, as one head of the state sees it. */
export interface Token {
  /** The head of the state. */
  readonly head: number;
  /**
   * Returns this head's vector of an array whose stored heads the heads of the state share evenly.
   * @param width is the number of columns of one head
   * @param row is which of the `rows` rows that the array has for each token
   */
  vector(array: Float64Array, width: number, row?: number, rows?: number): Float64Array;
  /** Returns the same of a key, normalised where the problem asks for that. */
  key(array: Float64Array, row?: number, rows?: number): Float64Array;
}

const normalized = (x: Float64Array, eps: number): Float64Array => {
  let squares = eps;
  for (const value of x) squares += value * value;
  const norm = Math.sqrt(squares);
  const out = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) out[i] = x[i]! / norm;
  return out;
};

/**
 * Computes a layer token by token and head by head: `step` changes the state of one head, then o = scale · Sᵀ q is read.
 * @param query is [B, T, heads.query, K]
 */
export function walk(
  problem: ReferenceProblem,
  query: Float64Array,
  step: (state: State, token: Token) => void,
): ReferenceResult {
  const { batch, tokens, heads, keyWidth, valueWidth, normalizeKeys } = problem;
  const scale = problem.scale ?? 1 / Math.sqrt(keyWidth);
  const stateHeads = Math.max(heads.key, heads.value);
  const outHeads = Math.max(heads.query, stateHeads);
  const bounds = problem.sequences ?? Int32Array.from({ length: batch + 1 }, (_, b) => b * tokens);
  const size = keyWidth * valueWidth;
  const finalState = new Float64Array((bounds.length - 1) * stateHeads * size);
  if (problem.initialState) finalState.set(problem.initialState);
  const output = new Float64Array(batch * tokens * outHeads * valueWidth);
  const modulo = heads.order === "modulo";
  const storedHead = (head: number, of: number, stored: number): number =>
    modulo ? head % stored : Math.floor(head / (of / stored));

  const pick = (
    array: Float64Array,
    width: number,
    token: number,
    head: number,
    of: number,
    row = 0,
    rows = 1,
  ) => {
    const stored = array.length / (batch * tokens * rows * width);
    const start = ((token * rows + row) * stored + storedHead(head, of, stored)) * width;
    // The numbers are copied one by one, because `slice` looks up a constructor each time, which takes longer than these few.
    const out = new Float64Array(width);
    for (let j = 0; j < width; j++) out[j] = array[start + j]!;
    return out;
  };
  const key = (x: Float64Array) => (normalizeKeys ? normalized(x, normalizeKeys.eps) : x);

  for (let n = 0; n + 1 < bounds.length; n++) {
    for (let head = 0; head < stateHeads; head++) {
      const start = (n * stateHeads + head) * size;
      const state = new State(finalState.subarray(start, start + size), keyWidth, valueWidth);
      for (let t = bounds[n]!; t < bounds[n + 1]!; t++) {
        step(state, {
          head,
          vector: (array, width, row, rows) => pick(array, width, t, head, stateHeads, row, rows),
          key: (array, row, rows) => key(pick(array, keyWidth, t, head, stateHeads, row, rows)),
        });
        for (let h = 0; h < outHeads; h++) {
          if (storedHead(h, outHeads, stateHeads) !== head) continue;
          const o = state.read(key(pick(query, keyWidth, t, h, outHeads)));
          for (let j = 0; j < valueWidth; j++) output[(t * outHeads + h) * valueWidth + j] = scale * o[j]!;
        }
      }
    }
  }
  return { output, finalState };
}

/** Returns β (v − s), element by element, where β is one number, or one for each column of the value. */
export function correction(beta: Float64Array, v: Float64Array, s: Float64Array): Float64Array {
  const out = new Float64Array(v.length);
  for (let j = 0; j < v.length; j++) out[j] = beta[beta.length === 1 ? 0 : j]! * (v[j]! - s[j]!);
  return out;
}
