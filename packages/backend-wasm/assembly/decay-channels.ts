import { among, below, TILE } from "./channel-couplings";
import { ownScratch, pairs, decayedRows } from "./decay-scratch";
import { rankStride } from "./decay-layout";
import { exp, expPair, highPart, limited } from "./exp";
import { bytes, lanes, loadPart, transposeSquare } from "./lanes";
import { Sweep } from "./sweep";

/**
 * Within a row, a lane adds the products of so many bytes of vectors before their sum is added to that of the earlier
 * blocks.
 */
const BLOCK: usize = 16 * 16;

/**
 * Opens a chunk in which every channel decays by itself: writes F_cᵀ ∘ up, Sᵀ, G_c ∘ dn and the pairs of factors of Z.
 * The factors between rows are running products. When row v comes, a copy of G_c holds each earlier row w < v as it has
 * decayed until then:
 *
 * G_w ∘= b_v,  S_vw = f_v · G_w,     with b_v = exp(g_v), or in the transpose exp(g_{v−1}) and 1 for the first row.
 *
 * Each element of g so needs a single exponential, and after the last row that copy is G_c ∘ dn.
 */
export function decayChannels<T>(sweep: Sweep, l: i32, rows: i32): void {
  const tiles = ownScratch<T>(sweep);
  const stride = rankStride<T>(sweep.r);
  const closing = tiles + ((rows + 3) >> 2) * (stride / 16) * TILE;
  const part = closing + stride;
  for (let m: usize = 0; m < stride; m += 16) {
    openVector<T>(sweep, l, rows, m, tiles + (m / 16) * TILE, closing, part);
  }
  const copy = decayedRows(sweep);
  const st = sweep.ft + sweep.depth * sweep.ts;
  for (let from: usize = 0; from < stride; from += BLOCK) {
    const length = min(BLOCK, stride - from);
    let tile = tiles + (from / 16) * TILE;
    for (let i = 0; i < rows; i += 4) {
      const column = st + bytes<T>(i);
      for (let w = 0; w < i; w += 2) {
        const to = column + w * sweep.ts;
        below<T>(copy + from + w * stride, stride, tile, length, to, to + sweep.ts, from > 0);
      }
      among<T>(copy + from + i * stride, stride, tile, length, column + i * sweep.ts, sweep.ts, from > 0);
      tile += (stride / 16) * TILE;
    }
  }
  if (sweep.gapAfter) scaleRows<T>(copy, rows, stride, closing);
}

/**
 * Prepares one vector of channels: its factors, then F, F ∘ up and G of all rows, padded to whole tiles of four, and
 * the pair by which Z decays.
 */
function openVector<T>(
  sweep: Sweep,
  l: i32,
  rows: i32,
  m: usize,
  tile: usize,
  closing: usize,
  part: usize,
): void {
  const r = sweep.r;
  const stride = rankStride<T>(r);
  const one = v128.splat<T>(1);
  const zero = v128.splat<T>(0);
  let gap = sweep.gap + l * sweep.ps;
  let f = sweep.f + l * sweep.fs;
  let g = sweep.g + l * sweep.gs;
  let copy = decayedRows(sweep) + m;
  let ft = sweep.ft + (m / sizeof<T>()) * sweep.ts;
  let high = zero;
  let low = zero;
  let up = one;
  let held = one;
  const end = (rows + 3) & -4;
  for (let v = 0; v < end; v++) {
    let factor = one;
    let fv = zero;
    let gv = zero;
    if (v < rows) {
      const own = limited<T>(loadPart<T>(gap, m, r));
      const part = highPart<T>(own);
      high = v128.add<T>(high, part);
      low = v128.add<T>(low, v128.sub<T>(own, part));
      factor = exp<T>(own, zero);
      if (sweep.gapAfter) {
        const next = factor;
        factor = held;
        held = next;
      }
      fv = loadPart<T>(f, m, r);
      gv = loadPart<T>(g, m, r);
      up = v128.mul<T>(up, factor);
    }
    const at = tile + (v & 3) * 32;
    v128.store(at, factor);
    v128.store(at, fv, 16);
    v128.store(copy, gv);
    const square = v & (lanes<T>() - 1);
    v128.store(part + square * 16, v128.mul<T>(fv, up));
    if (square == lanes<T>() - 1) {
      transposeSquare<T>(part, part + 16, part + 32, part + 48, ft, sweep.ts);
      ft += 16;
    }
    if ((v & 3) == 3) tile += (stride / 16) * TILE;
    copy += stride;
    gap += sweep.ps;
    f += sweep.fs;
    g += sweep.gs;
  }
  v128.store(closing + m, held);
  const s = pairs<T>(sweep) + m;
  expPair<T>(high, low, s, s + stride);
}

/** Multiplies every row, element by element, by the same row of factors. */
function scaleRows<T>(a: usize, rows: i32, stride: usize, factors: usize): void {
  for (; rows > 0; rows--) {
    for (let m: usize = 0; m < stride; m += 16) {
      v128.store(a + m, v128.mul<T>(v128.load(a + m), v128.load(factors + m)));
    }
    a += stride;
  }
}
