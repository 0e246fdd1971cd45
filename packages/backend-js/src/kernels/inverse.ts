import type { FloatArray, HostTensor, InverseParams } from "@dlrt/core";
import { gemm } from "./gemm.js";
import { addLowRank, advance, panelColumns, State, type Walk } from "./low-rank.js";
import { clearRows, copyRows, loadRows, storeRows } from "./pack.js";
import {
  ceil4,
  CHUNK_MAX,
  chunkRows,
  COUPLING,
  DIAG,
  leadingDimension,
  STATE_MAX,
  W,
  KW,
  Y,
  Z,
} from "./scratch.js";
import { loadDiag } from "./solve.js";
import { invert, substitute } from "./triangular.js";

/**
 * (7) for a panel of columns, from its first row down, chunk by chunk: Y_cc = T_cc⁻¹, Y_c,:l = −T_cc⁻¹ Q_c Z_:,:l,
 * Z_:,:l+c ← Z_:,:l+c + K_cᵀ Y_c,:l+c.
 *
 * Where the rank is small beside n, blocks b of many chunks run this in themselves only, and besides it gives them
 * W = T_bb⁻¹ Q_b and K_bᵀ W. All that lies left of a block is then, by (10) with B = 0, one product:
 * Y_b,:l = −W Z_:,:l and Z_:,:l ← Z_:,:l − K_bᵀ W Z_:,:l, an r×r update in place of an r×b one.
 */
export function inverse(params: InverseParams<HostTensor>): void {
  const { n, r } = params;
  const chunk = chunkRows(params.chunk, r);
  const walk: Walk = { f: params.q.data, g: params.k.data, n, r, chunk, trans: false, sign: -1 };
  const block = blockRows(n, r);
  const width = block > 0 ? block : Math.max(CHUNK_MAX, Math.min(1024, panelColumns(r) & -CHUNK_MAX));
  const home = new Float64Array(block > 0 ? r * n : 0);
  for (let batch = 0; batch < params.batch; batch++) {
    for (let j = 0; j < n; j += width) {
      const columns = Math.min(width, n - j);
      if (block === 0) inversePanel(params, walk, batch, j, columns, n, 0);
      else inverseBlock(params, walk, batch, j, columns, home);
    }
  }
}

/** Rows of a block, where r/b + 2b/n, the cost beside that of the product, is least; 0 where blocks do not pay. */
function blockRows(n: number, r: number): number {
  const best = Math.sqrt((n * r) / 2);
  const fits = STATE_MAX / Math.max(4, ceil4(r)) - ceil4(r) - 16;
  const rows = Math.min(512, Math.max(64, best), fits) & -CHUNK_MAX;
  return rows >= 2 * r && n >= 2 * rows ? rows : 0;
}

function inverseBlock(
  params: InverseParams<HostTensor>,
  walk: Walk,
  batch: number,
  j: number,
  rows: number,
  home: Float64Array,
): void {
  const { n, r } = params;
  const carried = j > 0 ? ceil4(r) : 0;
  const { ld } = inversePanel(params, walk, batch, j, rows, j + rows, carried);
  storeRows(home, j, n, Z + carried, ld, r, rows, 1);
  copyRows(KW, carried, Z, ld, carried > 0 ? r : 0, r, -1);
  const width = Math.min(256, panelColumns(2 * ceil4(r)));
  for (let t = 0; t < j; t += width) {
    extendLeft(
      params.out.data,
      n,
      r,
      (batch * n + j) * n + t,
      rows,
      home.subarray(t),
      Math.min(width, j - t),
    );
  }
}

/** Rows of a product kept in the L1 cache while Z streams past. */
const PRODUCT_ROWS = 16;

/** Y_b = −W Z and Z ← Z − K_bᵀ W Z for one panel of columns of `home` [r, n]. */
function extendLeft(
  out: FloatArray,
  n: number,
  r: number,
  at: number,
  rows: number,
  home: Float64Array,
  columns: number,
): void {
  const ld = leadingDimension(columns);
  const rank = ceil4(r);
  const next = Z + rank * ld;
  loadRows(Z, ld, home, 0, n, r, columns, 1);
  copyRows(next, ld, Z, ld, r, columns, 1);
  for (let i = 0; i < rows; i += PRODUCT_ROWS) {
    const m = Math.min(PRODUCT_ROWS, rows - i);
    clearRows(Y, ld, m, columns);
    gemm(Y, ld, W + i * rank, rank, Z, ld, m, r, columns);
    storeRows(out, at + i * n, n, Y, ld, m, columns, 1);
  }
  gemm(next, ld, KW, rank, Z, ld, r, r, columns);
  storeRows(home, 0, n, next, ld, r, columns, 1);
}

/** Columns j.. and rows j to `end`. With `carried` > 0, that many columns before the others hold W and K_bᵀ W, and −W is left in the scratch. */
function inversePanel(
  params: InverseParams<HostTensor>,
  walk: Walk,
  batch: number,
  j: number,
  columns: number,
  end: number,
  carried: number,
): State {
  const { n, r } = params;
  const out = params.out.data;
  const state = new State(r, carried + columns);
  const { ld } = state;
  state.open(undefined, batch, 0, 0);
  for (let i = j; i < end; i += walk.chunk) {
    const rows = Math.min(walk.chunk, end - i);
    const lower = i < j + columns ? rows : 0;
    const before = carried + Math.min(i - j, columns);
    clearRows(Y, ld, rows, carried + columns);
    if (carried > 0) loadRows(Y, ld, params.q.data, (batch * n + i) * r, r, rows, r, 1);
    loadDiag(params.diag, walk, batch, i, rows);
    addLowRank(walk, state, batch, i, rows, Y, before);
    substitute(Y, ld, COUPLING, walk.chunk, DIAG, rows, before);
    invert(Y + before, ld, COUPLING, walk.chunk, DIAG, lower);
    advance(walk, state, batch, i, rows, Y, before, lower);
    if (carried > 0) copyRows(W + (i - j) * carried, carried, Y, ld, rows, r, -1);
    storeRows(out, (batch * n + i) * n + j, n, Y + carried, ld, rows, columns, 1);
    for (let t = i; t < i + lower; t++) out.fill(0, (batch * n + t) * n + t + 1, (batch * n + t + 1) * n);
  }
  return state;
}
