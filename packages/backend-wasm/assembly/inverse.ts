import { transpose } from "./chunk";
import { solvePanel, sweepSolve } from "./chunk-loop";
import { decayedRows } from "./decay-scratch";
import { rankStride } from "./decay-layout";
import { INNER, Inverse, panelOf, setUp, stateAt } from "./inverse-layout";
import { Decay, Job } from "./job";
import { bytes, PANEL, panels, width } from "./lanes";
import { openChunk } from "./open-chunk";
import { product } from "./product";
import { substitute, timesLower } from "./substitution";
import { Sweep } from "./sweep";

/**
 * A block of rows is multiplied with so many bytes of Z before it goes on to the next columns, so that they stay in the
 * cache.
 */
const Z_BLOCK: i32 = 131072;

/**
 * Computes the columns [from, to) of Y = T⁻¹ of one batch entry, in two levels (reference README, equation (7)). For each outer block of
 * rows o, mapBlock forms W = T_oo⁻¹ (Q_o ∘ up) and M = diag(A) − (K_o ∘ dn)ᵀ W. Then
 *
 *   Y_o,:o = −W Z,   Z ← M Z                  on the columns before the block
 *   Y_oo, Z = (K_o ∘ dn)ᵀ Y_oo                within it, by chunks of 16 rows: the same recursion with solveRows
 *
 * so that Z, which is as wide as the matrix, is updated by r×r products once a block. Every column is computed alike whatever the range.
 */
export function inverse<T>(job: Job, entry: i32, from: i32, to: i32, scratch: usize): void {
  const inv = changetype<Inverse>(scratch);
  setUp<T>(inv, job, entry, from, to);
  const n = inv.n;
  for (let o = 0; o < n; o += job.chunk) {
    const size = min(job.chunk, n - o);
    const before = min(o, to);
    if (from < before) {
      mapBlock<T>(inv, o, size);
      const step = max(1, Z_BLOCK / max(changetype<Sweep>(inv.inner).zs, PANEL)) * width<T>();
      for (let j = from; j < before; j += step) {
        const end = min(j + step, before);
        for (let i = 0; i < size; i += 8) below<T>(inv, o, i, min(8, size - i), j, end);
        advance<T>(inv, j, end);
      }
    }
    for (let l = o; l < o + size; l += INNER) {
      if (from < l + INNER) innerChunk<T>(inv, o, l, min(INNER, n - l));
    }
    for (let i = o; i < o + size; i++) clearAfter<T>(inv, i);
  }
}

/**
 * Computes −W and M of the block that starts at row o and has `size` rows. What is stored at `map` is M less a diagonal of ones, where M's own
 * diagonal element is near 1; `base` tells where. Otherwise M is stored as it is. A small departure from 1, as slow decay makes it, so keeps
 * its digits.
 *
 * Without decay W is the solution for the right-hand side Q_o, and −K_oᵀ W is its final state with the other sign. With decay −W is the
 * solution for the right-hand side 0 from the state I, whose final state is M: so the walk itself lets decay whatever decays.
 */
function mapBlock<T>(inv: Inverse, o: i32, size: i32): void {
  const sweep = changetype<Sweep>(inv.outer);
  const inner = changetype<Sweep>(inv.inner);
  const r = sweep.r;
  const decays = sweep.decay != Decay.none;
  sweep.n = size;
  sweep.f = inner.f + o * inner.fs;
  sweep.g = inner.g + o * inner.gs;
  sweep.diag = inner.diag + o * inner.ds;
  sweep.gap = inner.gap + o * inner.ps;
  sweep.b = decays ? inv.zeros : sweep.f;
  sweep.bs = decays ? 0 : sweep.fs;
  sweep.out = inv.w;
  sweep.os = bytes<T>(r);
  sweep.alpha = decays ? 1 : -1;
  memory.fill(sweep.z, 0, panels<T>(r) * sweep.zs);
  if (decays) for (let i = 0; i < r; i++) store<T>(stateAt<T>(sweep, i, i), <T>1);
  sweepSolve<T>(sweep);
  const toLost = sweep.zs - sweep.depth * PANEL;
  for (let i = 0; i < r; i++) {
    const ones =
      !decays || (load<T>(stateAt<T>(sweep, i, i)) >= 0.5 && load<T>(stateAt<T>(sweep, i, i)) <= 2);
    store<T>(inv.base + bytes<T>(i), ones ? <T>1 : 0);
    for (let j = 0; j < r; j++) {
      const at = stateAt<T>(sweep, i, j);
      const z = load<T>(at);
      const own = i == j && ones ? <T>1 : 0;
      store<T>(inv.map + bytes<T>(i * r + j), decays ? z - own + load<T>(at + toLost) : -z);
    }
  }
}

/**
 * Computes Y = −W Z for the rows o+i to o+i+rows of a block and the columns [j, end), few rows at a time, so that their
 * cache lines stay near.
 */
function below<T>(inv: Inverse, o: i32, i: i32, rows: i32, j: i32, end: i32): void {
  const r = changetype<Sweep>(inv.inner).r;
  const stride = inv.os;
  const w = inv.w + bytes<T>(i * r);
  const out = inv.out + (o + i) * stride;
  for (; j < end; j += width<T>()) {
    product<T>(w, bytes<T>(r), rows, panelOf<T>(inv, j), PANEL, r, out + bytes<T>(j), stride);
  }
}

/** Updates Z ← M Z for the columns [j, end). */
function advance<T>(inv: Inverse, j: i32, end: i32): void {
  const sweep = changetype<Sweep>(inv.inner);
  const r = sweep.r;
  for (; j < end; j += width<T>()) {
    const z = panelOf<T>(inv, j);
    product<T>(inv.map, bytes<T>(r), r, z, PANEL, r, inv.fresh, PANEL);
    for (let i = 0; i < r; i++) {
      const row = z + i * PANEL;
      const fresh = inv.fresh + i * PANEL;
      const stays = load<T>(inv.base + bytes<T>(i)) != 0;
      const z0 = v128.load(fresh);
      const z1 = v128.load(fresh, 16);
      v128.store(row, stays ? v128.add<T>(v128.load(row), z0) : z0);
      v128.store(row, stays ? v128.add<T>(v128.load(row, 16), z1) : z1, 16);
    }
  }
}

/**
 * Computes 16 rows of the block that starts at o: in the block's earlier columns, and in the triangle on the diagonal.
 */
function innerChunk<T>(inv: Inverse, o: i32, l: i32, rows: i32): void {
  const sweep = changetype<Sweep>(inv.inner);
  const stride = inv.os;
  const out = inv.out + l * stride;
  const divide = openChunk<T>(sweep, l, rows, true);
  for (let j = max(inv.from, o); j < min(l, inv.to); j += width<T>()) {
    solvePanel<T>(sweep, l, rows, divide, panelOf<T>(inv, j), inv.zeros, 0, out + bytes<T>(j), stride, 1);
  }
  if (inv.from <= l && l < inv.to) triangle<T>(inv, l, rows);
}

/** Computes Y_cc by substitution, and Z = K_cᵀ Y_cc. */
function triangle<T>(inv: Inverse, l: i32, rows: i32): void {
  const sweep = changetype<Sweep>(inv.inner);
  const xs = bytes<T>(INNER);
  transpose<T>(sweep.ft + sweep.depth * sweep.ts, sweep.ts, rows, rows, inv.tcc, xs);
  for (let i = 0; i < rows; i++) {
    store<T>(inv.tcc + i * xs + bytes<T>(i), load<T>(sweep.diag + (l + i) * sweep.ds));
  }
  substitute<T>(inv.tcc, xs, rows, inv.block, xs, INNER);
  for (let i = 0; i < rows; i++) {
    memory.copy(inv.out + (l + i) * inv.os + bytes<T>(l), inv.block + i * xs, bytes<T>(rows));
  }
  if (sweep.decay == Decay.none) transpose<T>(sweep.g + l * sweep.gs, sweep.gs, rows, sweep.r, inv.kt, xs);
  else transpose<T>(decayedRows(sweep), rankStride<T>(sweep.r), rows, sweep.r, inv.kt, xs);
  for (let j = 0; j < rows; j += width<T>()) {
    const z = panelOf<T>(inv, l + j);
    memory.fill(z, 0, sweep.zs);
    timesLower<T>(inv.kt, xs, sweep.r, inv.block, xs, j, rows, z);
  }
}

/** Writes zeros in row i after the 16×16 block on the diagonal. */
function clearAfter<T>(inv: Inverse, i: i32): void {
  const start = max(inv.from, (i & -INNER) + INNER);
  if (start >= inv.to) return;
  memory.fill(inv.out + i * inv.os + bytes<T>(start), 0, bytes<T>(inv.to - start));
}
