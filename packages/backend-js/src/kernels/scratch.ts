/**
 * One Float64Array holds every working block of every kernel: V8 folds the address and length of a module-level
 * `const` into the code, which halves the time of a tile against arrays passed as arguments. A hot file repeats
 * `const S = scratch`, since an imported binding is not folded. Kernels run to their end, so nothing here
 * outlives a call; the size is fixed, and what does not fit is cut into panels.
 */

/** Most rows of a chunk. */
export const CHUNK_MAX = 32;
/** Most rows of a chunk where every channel or column decays by itself: their factors are products along its rows. */
export const DECAY_CHUNK_MAX = 16;
/** Most rows that stand below each other where a fused delta rule has those of P and of q in one block. */
export const STACK_MAX = 48;
/** Most columns of Q and K held at once; a greater rank is walked in panels. */
export const RANK_MAX = 1024;
/** Most columns of a right-hand side held at once. */
export const COLUMNS_MAX = 2048;
/** Elements of the state block. */
export const STATE_MAX: number = 2 ** 17;

const LD_MAX = COLUMNS_MAX + 16;

/** F_c [chunk, rank] */
export const F = 0;
/** G_cᵀ [rank, chunk] */
export const GT: number = F + STACK_MAX * RANK_MAX;
/** strict lower part of F_c G_cᵀ [chunk, chunk]; the rest of the block is never read */
export const COUPLING: number = GT + CHUNK_MAX * RANK_MAX;
/** λ_c [chunk] */
export const DIAG: number = COUPLING + STACK_MAX * CHUNK_MAX;
/** zeros, for rows past the end of an operand */
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
 * What decay needs. Its factors, e^g of the chunk's visited rows: row t is what Z decays by before row t is read, and one more
 * row holds what it decays by after the last [DECAY_CHUNK_MAX + 1, max(rank, columns)]
 */
export const FACTORS: number = SUM + STACK_MAX * LD_MAX;
/** G_c row by row, decaying as rows are visited [DECAY_CHUNK_MAX, rank] */
export const DECAYED: number = FACTORS + (DECAY_CHUNK_MAX + 1) * LD_MAX;
/** Products of FACTORS from the chunk's start [max(rank, columns)] */
export const RUNNING: number = DECAYED + DECAY_CHUNK_MAX * RANK_MAX;
/** The factor over the whole chunk for every channel or column: a power of 2 … [max(rank, columns)] */
export const POWER: number = RUNNING + LD_MAX;
/** … and what the factor has beyond it */
export const REST: number = POWER + LD_MAX;
/** Sums of the gaps' high parts: over the chunk for every channel or column; with one gap a row, up to each row, and over the chunk [LD_MAX] */
export const HIGH: number = REST + LD_MAX;
/** The same of their low parts */
export const LOW: number = HIGH + LD_MAX;
/** With one gap a row: the factor from the chunk's start to each row, and from each row to the chunk's end [chunk] */
export const UP: number = LOW + LD_MAX;
export const DOWN: number = UP + CHUNK_MAX;

/** What a fused delta rule multiplies a row by when it is solved for [chunk] */
export const PIVOT: number = DOWN + CHUNK_MAX;
/** 1/√(Σx² + eps) of its keys, queries and erase keys [chunk] */
export const KEY_NORM: number = PIVOT + CHUNK_MAX;
export const QUERY_NORM: number = KEY_NORM + CHUNK_MAX;
export const ERASE_NORM: number = QUERY_NORM + CHUNK_MAX;

/**
 * What the gradients of a fused delta rule need beside. P and q stand below each other in F, their corrections B̄ and Ō in Y, U is X, Z̄
 * has the place of W. K of a chunk, row by row [chunk, rank]
 */
export const KEYS: number = ERASE_NORM + CHUNK_MAX;
/** F before it decays by channels [2 chunk, rank]; or the erase keys before they are gated, where a layer has some */
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
/** Sums over the elements of a row: y·ȳ of normalised queries, keys and erase keys, and what ḡ gains by it [chunk] */
export const QUERY_DOT: number = COUPLING_T + STACK_MAX * CHUNK_MAX;
export const KEY_DOT: number = QUERY_DOT + CHUNK_MAX;
export const ERASE_DOT: number = KEY_DOT + CHUNK_MAX;
export const GAP_BAR: number = ERASE_DOT + CHUNK_MAX;
/** What lines that are read ahead add up to, which nobody reads, but a compiler cannot know. */
export const TOUCHED: number = GAP_BAR + CHUNK_MAX;
/** Zᵀ [columns, rank], whose rows may need a little more room than those of Z */
export const ZT: number = TOUCHED + 8;

const SIZE = ZT + STATE_MAX + 16 * COLUMNS_MAX;

export const scratch: Float64Array = /* @__PURE__ */ new Float64Array(SIZE);

/**
 * What the element of `scratch` at the same place has lost to roundings, where a sum is compensated. Of the same size, so
 * that V8 checks an index once for both; what is never touched costs no memory.
 */
export const lost: Float64Array = /* @__PURE__ */ new Float64Array(SIZE);

/** The least multiple of 4 that is ≥ x, for x < 2³¹ − 3. */
export function ceil4(x: number): number {
  return (x + 3) & ~3;
}

/** The least multiple of 12 that is ≥ x: whole tiles of 4 and of 6. */
export function ceil12(x: number): number {
  return Math.ceil(x / 12) * 12;
}

/** Distance between rows of `columns` elements: an odd number of cache lines, so that rows do not share cache sets. */
export function leadingDimension(columns: number): number {
  return ((columns + 7) & ~7) | 8;
}

/**
 * Rows per chunk from the caller's hint, any number ≥ 1; large where a state that moves in and out with every chunk must
 * pay for it. In f64 it is 12 or 24: whole tiles of 6 for `gemmCompensated`, and fewer compensated additions.
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
