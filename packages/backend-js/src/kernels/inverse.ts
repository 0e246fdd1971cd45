import type { HostTensor } from "@dlrt/core";
import type { InverseParams } from "@dlrt/core/backend";
import { coupleAndReadState, loadDiag, panelColumns, updateState } from "./chunk.js";
import { gemm, gemmCompensated, gemmCut } from "./gemm.js";
import { clearRows, copyRows, loadRows, storeRows } from "./pack.js";
import { rowsOf, type Rows } from "./rows.js";
import { ceil12, ceil4, CHUNK_MAX, COUPLING, DIAG, KW } from "./scratch.js";
import { leadingDimension, lost, scratch, STATE_MAX, W, Y, Z } from "./scratch.js";
import { State } from "./state.js";
import { invert, substitute } from "./triangular.js";
import { walkOf, type Walk } from "./walk.js";

/**
 * The state to the left of the present block: Z for all columns [r, n], and, in f64, what each of its elements has lost
 * to roundings.
 */
interface Home {
  readonly z: Float64Array;
  readonly lost: Float64Array | undefined;
}

/**
 * Computes Y = T⁻¹. Each panel of columns follows equation (7) from the panel's first row down, chunk by chunk: Y_cc =
 * T_cc⁻¹, Y_c,:l = −T_cc⁻¹ Q̃ Z_:,:l, Z_:,:l+c ← diag(A) Z_:,:l+c + K̃ᵀ Y_c,:l+c.
 *
 * Where there is no decay and the rank is small beside n, the rows are grouped into blocks b of many chunks. Equation
 * (7) then computes only the square T_bb⁻¹ of each block, and for r more columns W = T_bb⁻¹ Q_b, from which K_bᵀ W
 * follows. With these two, everything to the left of the block is two products, which are equation (10) with B = 0:
 * Y_b,:l = −W Z_:,:l and Z_:,:l ← Z_:,:l − K_bᵀ W Z_:,:l. The state is so updated by an r×r matrix, where equation (7)
 * needs an r×b one.
 */
export function inverse(params: InverseParams<HostTensor>): void {
  const { n, r, op } = params;
  const block = op.decay === undefined ? blockRows(n, r) : 0;
  const width = block > 0 ? block : Math.max(CHUNK_MAX, Math.min(1024, panelColumns(r) & -CHUNK_MAX));
  const size = block > 0 ? r * n : 0;
  const lost = op.q.dtype === "f64" ? new Float64Array(size) : undefined;
  const home = { z: new Float64Array(size), lost };
  for (let entry = 0; entry < params.batch; entry++) {
    const walk = walkOf(params, entry, -1);
    const diag = rowsOf(op.diag, entry);
    const out = rowsOf(params.out, entry);
    for (let j = 0; j < n; j += width) {
      const columns = Math.min(width, n - j);
      if (block === 0) inversePanel(walk, diag, out, j, columns, n, 0);
      else inverseBlock(walk, diag, out, j, columns, home);
    }
  }
}

/**
 * The number b of rows in a block for which r/b + 2b/n, the cost of the blocks relative to that of the products, is
 * least. Returns 0 where blocks would cost more than they save.
 */
function blockRows(n: number, r: number): number {
  const best = Math.sqrt((n * r) / 2);
  const fits = STATE_MAX / Math.max(4, ceil4(r)) - ceil4(r) - 16;
  const rows = Math.min(512, Math.max(64, best), fits) & -CHUNK_MAX;
  return rows >= 2 * r && n >= 2 * rows ? rows : 0;
}

/**
 * Computes the rows of one block, from row j on: first the square on the diagonal, then everything to its left. The
 * state that the next block reads is left in `home`.
 */
function inverseBlock(walk: Walk, diag: Rows, out: Rows, j: number, rows: number, home: Home): void {
  const { n, r } = walk;
  const carried = j > 0 ? ceil4(r) : 0;
  const { ld } = inversePanel(walk, diag, out, j, rows, j + rows, carried);
  storeRows(home.z, j, n, Z + carried, ld, r, rows, 1);
  if (home.lost) copyBlock(home.lost, j, n, lost, Z + carried, ld, r, rows);
  const ldkw = ceil12(r);
  scratch.fill(0, KW, KW + ceil4(r) * ldkw);
  copyRows(KW, ldkw, Z, ld, carried > 0 ? r : 0, r, -1);
  const width = Math.min(256, panelColumns(2 * ceil4(r)));
  for (let t = 0; t < j; t += width) extendLeft(walk, out, j, rows, home, t, Math.min(width, j - t));
}

/** The number of rows of a product that stay in the first-level cache while Z streams past them. */
const PRODUCT_ROWS = 16;

/**
 * Extends one block to the left, for `columns` columns from column t on: writes Y_b = −W Z to the rows from j on of
 * `out`, and updates the state in `home`, Z ← Z − K_bᵀ W Z.
 */
function extendLeft(
  { n, r }: Walk,
  out: Rows,
  j: number,
  rows: number,
  home: Home,
  t: number,
  columns: number,
): void {
  const ld = leadingDimension(columns);
  const rank = ceil4(r);
  const next = rank * ld;
  const add = home.lost ? gemmCut : gemm;
  loadRows(Z, ld, home.z, t, n, r, columns, 1);
  copyRows(Z + next, ld, Z, ld, r, columns, 1);
  for (let i = 0; i < rows; i += PRODUCT_ROWS) {
    const m = Math.min(PRODUCT_ROWS, rows - i);
    clearRows(Y, ld, m, columns);
    add(Y, ld, W + i * rank, rank, Z, ld, m, r, columns);
    storeRows(out.data, out.start + (j + i) * out.stride + t, out.stride, Y, ld, m, columns, 1);
  }
  if (home.lost) {
    copyBlock(lost, Z + next, ld, home.lost, t, n, r, columns);
    gemmCompensated(Z + next, ld, KW, ceil12(r), Z, ld, r, r, columns);
    copyBlock(home.lost, t, n, lost, Z + next, ld, r, columns);
  } else {
    gemm(Z + next, ld, KW, ceil12(r), Z, ld, r, r, columns);
  }
  storeRows(home.z, t, n, Z + next, ld, r, columns, 1);
}

/** target ← source, `rows` × `columns`. */
function copyBlock(
  target: Float64Array,
  to: number,
  ldTo: number,
  source: Float64Array,
  from: number,
  ldFrom: number,
  rows: number,
  columns: number,
): void {
  for (let i = 0; i < rows; i++) {
    const at = from + i * ldFrom;
    target.set(source.subarray(at, at + columns), to + i * ldTo);
  }
}

/**
 * Follows equation (7) for `columns` columns from column j on, over the rows j to `end`, and writes the result to
 * `out`.
 *
 * Where `carried` > 0, the panel in the scratch begins with that many additional columns, whose right-hand side is Q
 * instead of the identity. After the last row they hold W = T⁻¹ Q; −W is left in the scratch at W, and the state of
 * these columns, KᵀW, at the beginning of each row of Z.
 */
function inversePanel(
  walk: Walk,
  diag: Rows,
  out: Rows,
  j: number,
  columns: number,
  end: number,
  carried: number,
): State {
  const { n, r, f: q } = walk;
  const state = new State(walk, carried + columns);
  const { ld } = state;
  state.loadState(undefined, 0);
  for (let i = j; i < end; i += walk.chunk) {
    const rows = Math.min(walk.chunk, end - i);
    const lower = i < j + columns ? rows : 0;
    const before = carried + Math.min(i - j, columns);
    clearRows(Y, ld, rows, carried + columns);
    if (carried > 0) loadRows(Y, ld, q.data, q.start + i * q.stride, q.stride, rows, r, 1);
    loadDiag(diag, i, rows);
    coupleAndReadState(walk, state, i, rows, Y, before);
    substitute(Y, ld, COUPLING, walk.chunk, DIAG, rows, before);
    invert(Y + before, ld, COUPLING, walk.chunk, DIAG, lower);
    if (carried > 0) copyRows(W + (i - j) * carried, carried, Y, ld, rows, r, -1);
    const at = out.start + i * out.stride;
    storeRows(out.data, at + j, out.stride, Y + carried, ld, rows, columns, 1);
    for (let t = 0; t < lower; t++) {
      const row = at + t * out.stride;
      out.data.fill(0, row + i + t + 1, row + n);
    }
    updateState(walk, state, i, rows, Y, before, lower);
  }
  return state;
}
