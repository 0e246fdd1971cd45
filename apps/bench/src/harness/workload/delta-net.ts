import type { FloatArray } from "@dlrt/core";
import { gateColumns, withGates } from "./gates.js";
import { allocate, type Problem, type Request } from "./problem.js";
import { normalise, Random } from "./random.js";
import { textTokens } from "./text.js";

const TAPS = 4;

/** The row of a seeded random projection that a token's one-hot vector selects; made when the token is first met. */
class Embedding {
  readonly #rows = new Map<number, Float32Array>();

  constructor(
    readonly width: number,
    readonly seed: number,
  ) {}

  row(token: number): Float32Array {
    let row = this.#rows.get(token);
    if (row === undefined) {
      row = new Float32Array(this.width);
      new Random(Math.imul(this.seed + 1, 0x9e3779b1) ^ token).fillNormal(row, 1);
      this.#rows.set(token, row);
    }
    return row;
  }
}

/** to[i, :] = SiLU(Σ_t w_t ∘ e(token_{i−t})), t = 0…3: causal, one filter per channel. */
function shortConvolution(
  rows: readonly Float32Array[],
  from: number,
  weights: Float64Array,
  to: FloatArray,
  start: number,
  width: number,
): void {
  const zero = new Float32Array(from + width);
  for (let i = 0; i < rows.length; i++) {
    const [e0, e1, e2, e3] = [rows[i]!, rows[i - 1] ?? zero, rows[i - 2] ?? zero, rows[i - 3] ?? zero];
    for (let j = 0; j < width; j++) {
      const w = j * TAPS;
      const c = from + j;
      const x =
        weights[w]! * e0[c]! + weights[w + 1]! * e1[c]! + weights[w + 2]! * e2[c]! + weights[w + 3]! * e3[c]!;
      to[start + i * width + j] = x / (1 + Math.exp(-x));
    }
  }
}

/**
 * A DeltaNet layer's system for real text: tokens embedded by a seeded projection, short-convolved (4 taps, SiLU),
 * keys L2-normalised per head, β = sigmoid of a projection; Q = βK, right-hand side βV, so
 * T = I + tril(diag(β) K Kᵀ, −1). Keys repeat as phrases of four words do. A batch entry is a head. Where decay is asked
 * for, what its gates are made from is a projection of the token too, of columns beyond those of keys and values.
 */
export function textWorkload(request: Request): Problem {
  const { batch: heads, n, r, p, seed } = request;
  const { tokens, files } = textTokens(n);
  const problem = allocate(request);
  const { q, k, b } = problem;
  const random = new Random(seed);
  const perHead = r + p;
  const columns = gateColumns(request);
  const embedding = new Embedding(heads * (perHead + columns), seed);
  const rows = Array.from(tokens, (token) => embedding.row(token));
  for (let h = 0; h < heads; h++) {
    const weights = new Float64Array(perHead * TAPS);
    random.fillNormal(weights, 1 / Math.sqrt(TAPS));
    const probe = new Float64Array(r);
    random.fillNormal(probe, 1 / Math.sqrt(r));
    const from = h * perHead;
    shortConvolution(rows, from, weights.subarray(0, r * TAPS), k, h * n * r, r);
    shortConvolution(rows, from + r, weights.subarray(r * TAPS), b, h * n * p, p);
    for (let i = 0; i < n; i++) {
      const row = h * n + i;
      normalise(k, row * r, r);
      let logit = 0;
      for (let a = 0; a < r; a++) logit += probe[a]! * rows[i]![from + a]!;
      const beta = 1 / (1 + Math.exp(-logit));
      for (let a = 0; a < r; a++) q[row * r + a] = beta * k[row * r + a]!;
      for (let j = 0; j < p; j++) b[row * p + j] = beta * b[row * p + j]!;
    }
  }
  const words = files === 1 ? "declaration file" : `first ${files} declaration files`;
  const distinct = new Set(tokens).size;
  const about = `${n} tokens of TypeScript's ${words}, ${distinct} distinct; β = sigmoid, unit keys`;
  return withGates({ ...problem, about }, request, (h, i, c) => rows[i]![heads * perHead + h * columns + c]!);
}
