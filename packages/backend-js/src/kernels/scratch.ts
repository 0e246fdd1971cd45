/**
 * One Float64Array holds every working block of every kernel: V8 folds the address and length of a module-level
 * `const` into the code, which halves the time of a tile against arrays passed as arguments. A hot file repeats
 * `const S = scratch`, since an imported binding is not folded. Kernels run to their end, so nothing here
 * outlives a call; the size is fixed, and what does not fit is cut into panels.
 */

/** The most rows that a chunk may have. */
export const CHUNK_MAX = 32;
/**
 * The most rows of a chunk in which every channel or column decays by itself. A factor is then a product along the rows
 * of the chunk, and each of its terms adds a rounding.
 */
export const DECAY_CHUNK_MAX = 16;
/** The most rows of a block in which a fused delta rule has the rows of P and, below them, those of Q. */
export const STACK_MAX = 48;
/** The most columns of Q and K that the scratch holds at once. A greater rank is visited in panels of so many. */
export const RANK_MAX = 1024;
/** The most columns of a right-hand side that the scratch holds at once. */
export const COLUMNS_MAX = 2048;
/** The number of elements of the block that holds a state. */
export const STATE_MAX: number = 2 ** 17;

const LD_MAX = COLUMNS_MAX + 16;

/** F_c [chunk, rank] */
export const F = 0;
/** G_cᵀ [rank, chunk] */
export const GT: number = F + STACK_MAX * RANK_MAX;
/** The strict lower part of F_c G_cᵀ [chunk, chunk]. The rest of the block is never read. */
export const COUPLING: number = GT + CHUNK_MAX * RANK_MAX;
/** λ_c [chunk] */
export const DIAG: number = COUPLING + STACK_MAX * CHUNK_MAX;
/** A row of zeros, which stands for rows past the end of an operand. */
export const ZERO: number = DIAG + CHUNK_MAX;
/** Y_c [chunk, columns] */
export const Y: number = ZERO + LD_MAX;
/** X_c [chunk, columns] */
export const X: number = Y + STACK_MAX * LD_MAX;
/** Z [rank, columns] */
export const Z: number = X + CHUNK_MAX * LD_MAX;
/** W = T_cc⁻¹ Q_c of an `inverse` block [rows, rank] */
export const W: number = Z + STATE_MAX;
/** K_cᵀ W of an `inverse` block [rank, rank], rank ≤ 256; its rows are ceil12(rank) apart */
export const KW: number = W + STATE_MAX;

/** A part of a long sum, before it is added to the whole [chunk, columns] */
export const SUM: number = KW + 256 * 264;

/**
 * The factors e^g of the chunk's rows as they are visited [DECAY_CHUNK_MAX + 1, max(rank, columns)]. Row t holds what Z
 * decays by before row t is read, and one more row holds what Z decays by after the last. This block and the next ones
 * are used where there is a decay.
 */
export const FACTORS: number = SUM + STACK_MAX * LD_MAX;
/** G_c row by row, decaying as rows are visited [DECAY_CHUNK_MAX, rank] */
export const DECAYED: number = FACTORS + (DECAY_CHUNK_MAX + 1) * LD_MAX;
/** Products of FACTORS from the chunk's start [max(rank, columns)] */
export const RUNNING: number = DECAYED + DECAY_CHUNK_MAX * RANK_MAX;
/**
 * The first part of the factor over the whole chunk, for every channel or column [max(rank, columns)]: a power of 2,
 * whose products are exact.
 */
export const POWER: number = RUNNING + LD_MAX;
/** The second part of that factor, which is the factor minus the power of 2. */
export const REST: number = POWER + LD_MAX;
/**
 * Sums of the gaps' high parts [LD_MAX]: for every channel or column the sum over the chunk; with one gap a row, the
 * sums up to each row, and then that over the chunk.
 */
export const HIGH: number = REST + LD_MAX;
/** The same sums of the gaps' low parts. */
export const LOW: number = HIGH + LD_MAX;
/** With one gap a row [chunk each]: UP holds the factor from the chunk's start to each row, DOWN that from each row to the chunk's end. */
export const UP: number = LOW + LD_MAX;
export const DOWN: number = UP + CHUNK_MAX;

/** What a fused delta rule multiplies a row by when it is solved for [chunk] */
export const PIVOT: number = DOWN + CHUNK_MAX;
/** 1/√(Σx² + eps) of the rows of a fused delta rule's keys, queries and erase keys [chunk each]. */
export const KEY_NORM: number = PIVOT + CHUNK_MAX;
export const QUERY_NORM: number = KEY_NORM + CHUNK_MAX;
export const ERASE_NORM: number = QUERY_NORM + CHUNK_MAX;

/**
 * The rows of K of a chunk [chunk, rank]. This block and the next ones belong to the gradients of a fused delta rule,
 * which have the rows of P and of Q below each other in F, B̄ and Ō below each other in Y, U in X, and Z̄ in the place
 * of W.
 */
export const KEYS: number = ERASE_NORM + CHUNK_MAX;
/**
 * A copy of F from before it decays by channels [2 chunk, rank]; or, where a layer has erase keys of its own, these
 * keys before they are gated.
 */
export const RAW: number = KEYS + CHUNK_MAX * RANK_MAX;
/** F̃ᵀ [rank, 2 chunk] */
export const FT: number = RAW + STACK_MAX * RANK_MAX;
/** Gradients of the rows in F [2 chunk, rank] */
export const ROWS_BAR: number = FT + STACK_MAX * RANK_MAX;
/** Gradients of K as a write key [chunk, rank] */
export const KEYS_BAR: number = ROWS_BAR + STACK_MAX * RANK_MAX;
/** The gradients of both couplings [2 chunk, chunk], and their transposes [chunk, 2 chunk] */
export const COUPLING_BAR: number = KEYS_BAR + CHUNK_MAX * RANK_MAX;
export const COUPLING_BAR_T: number = COUPLING_BAR + STACK_MAX * CHUNK_MAX;
/** Transposes of the couplings [chunk, 2 chunk] */
export const COUPLING_T: number = COUPLING_BAR_T + STACK_MAX * CHUNK_MAX;
/**
 * Sums over the elements of each row [chunk each]: y·ȳ of normalised queries, of keys and of erase keys, and last what
 * the row adds to ḡ.
 */
export const QUERY_DOT: number = COUPLING_T + STACK_MAX * CHUNK_MAX;
export const KEY_DOT: number = QUERY_DOT + CHUNK_MAX;
export const ERASE_DOT: number = KEY_DOT + CHUNK_MAX;
export const GAP_BAR: number = ERASE_DOT + CHUNK_MAX;
/**
 * The sum of the elements that `readAhead` touches. Nobody reads it. It is stored because a compiler would otherwise
 * leave the loads out.
 */
export const TOUCHED: number = GAP_BAR + CHUNK_MAX;
/** Zᵀ [columns, rank]. It needs a little more room than Z, because each of its rows is padded. */
export const ZT: number = TOUCHED + 8;

const SIZE = ZT + STATE_MAX + 16 * COLUMNS_MAX;

export const scratch: Float64Array = /* @__PURE__ */ new Float64Array(SIZE);

/**
 * What the element of `scratch` at the same place has lost to roundings, where a sum is compensated. It is of the same
 * size, so that V8 checks an index once for both arrays; pages that are never touched cost no memory.
 */
export const lost: Float64Array = /* @__PURE__ */ new Float64Array(SIZE);

/** Returns the least multiple of 4 that is ≥ x, for x < 2³¹ − 3. */
export function ceil4(x: number): number {
  return (x + 3) & ~3;
}

/** Returns the least multiple of 12 that is ≥ x: whole tiles of 4 and of 6. */
export function ceil12(x: number): number {
  return Math.ceil(x / 12) * 12;
}

/** Returns the distance between rows of `columns` elements: an odd number of cache lines, so that rows do not share cache sets. */
export function leadingDimension(columns: number): number {
  return ((columns + 7) & ~7) | 8;
}

/**
 * Returns the number of rows in a chunk. The caller's hint may be any number ≥ 1. Without a hint a chunk has 8 rows, or
 * as many as are allowed where the rank is cut into panels: the state then moves into the scratch and out of it with
 * every chunk, and many rows share that cost. In f64 a chunk has 12 or 24 rows: whole tiles of 6 for `gemmCompensated`,
 * and fewer compensated additions.
 */
export function chunkRows(
  hint: number | undefined,
  r: number,
  f64: boolean,
  most: number = CHUNK_MAX,
): number {
  const rows = Math.min(most, hint ?? (r > RANK_MAX ? most : 8));
  return f64 ? Math.min(most < CHUNK_MAX ? 12 : 24, ceil12(rows)) : ceil4(rows);
}
