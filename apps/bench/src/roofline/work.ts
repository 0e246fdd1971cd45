import type { Sizes } from "@dlrt/core";

/** What a shader has to compute and to move in one call. What else it does is not counted. */
export interface Work {
  /** Counts two for each multiply-add; divisions are left out. */
  readonly flops: number;
  /** The bytes of f32 elements that must be read or written at least once, as if every cache were large enough. */
  readonly bytes: number;
}

/** The sizes of a call, and the rows of its chunks. */
export interface ChunkedSizes extends Sizes {
  readonly chunk: number;
}

/** The work of a call, by shader. */
export type ShaderWork = Readonly<Record<string, Work>>;

const ELEMENT = 4;

const work = (batch: number, flops: number, elements: number): Work => ({
  flops: batch * flops,
  bytes: batch * ELEMENT * elements,
});

/**
 * Counts the pairs i > j of rows in one chunk, over all chunks: about n C / 2, less the diagonal and a last chunk that
 * is cut short.
 */
function pairs(n: number, chunk: number): number {
  const rest = n % chunk;
  return (Math.floor(n / chunk) * chunk * (chunk - 1) + rest * (rest - 1)) / 2;
}

/** S = tril(F_c G_cᵀ, −1) */
function couplingWork({ batch, n, r, chunk }: Omit<ChunkedSizes, "p">): Work {
  const s = pairs(n, chunk);
  return work(batch, 2 * r * s, 2 * n * r + s);
}

/** Y_c = T_cc⁻¹ (B_c − F_c Z), Z += G_cᵀ Y_c. Z stays where it is. */
export function solveWork(sizes: ChunkedSizes): ShaderWork {
  const { batch, n, r, p, chunk } = sizes;
  const s = pairs(n, chunk);
  return {
    coupling: couplingWork(sizes),
    "solve-scan": work(batch, 2 * (2 * n * r * p + p * s), n * (2 * r + 2 * p + 1) + s),
  };
}

/** Chunk states G_cᵀ X_c, their prefix sums, and Y_c = Λ X_c + S X_c + F_c Z_c. */
export function applyWork(sizes: ChunkedSizes): ShaderWork {
  const { batch, n, r, p, chunk } = sizes;
  const s = pairs(n, chunk);
  const states = Math.ceil(n / chunk) * r * p;
  return {
    coupling: couplingWork(sizes),
    "apply-state": work(batch, 2 * n * r * p, n * (r + p) + states),
    "apply-prefix": work(batch, states, 2 * states),
    "apply-chunk": work(batch, 2 * (n * r * p + p * s + n * p), n * (r + 2 * p + 1) + states + s),
  };
}

/** The scan with B = I: a chunk's rows meet the columns of the panels above and of their own. */
export function inverseWork(sizes: Omit<ChunkedSizes, "p">): ShaderWork {
  const { batch, n, r, chunk } = sizes;
  let products = 0;
  for (let first = 0; first < n; first += chunk) {
    const rows = Math.min(chunk, n - first);
    const columns = first + rows;
    products += rows * r * first + pairs(rows, chunk) * columns + rows * r * columns;
  }
  return {
    coupling: couplingWork(sizes),
    "solve-scan": work(batch, 2 * products, n * (2 * r + 1) + pairs(n, chunk) + n * n),
  };
}

/** X = A⁻¹ of c×c lower triangles; the zeros above are written. */
export function trilInverseWork(batch: number, c: number): ShaderWork {
  return { "tril-inverse": work(batch, (c * (c * c - 1)) / 3, (c * (c + 1)) / 2 + c * c) };
}

/** out_i = x_i · y_i */
export function rowDotWork({ batch, n, p }: Omit<Sizes, "r">): ShaderWork {
  return { "row-dot": work(batch, 2 * n * p, 2 * n * p + n) };
}
