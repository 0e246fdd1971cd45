import { exp, expPair, highPart, limited } from "./exp";
import { bytes, madd, PANEL } from "./lanes";
import { loadPanel } from "./panels";
import { sumTile, ROW_BLOCK } from "./sums";
import { Sweep } from "./sweep";

/**
 * Computes one panel of one chunk of an apply whose state decays along its columns: α (λ x + S X + F Z) goes to `out`, and Z decays by its
 * pairs. (Gradients need it: reference README, after equation (20).) Under Z lie the chunk's rows of X. They take the place that G has where
 * the rank decays: when row v comes, every row w < v of X has decayed until then,
 *
 *   X_w ∘= b_v,   y_v = up_v ∘ (f_vᵀ Z) + Σ_{w<v} S_vw X_w + λ_v x_v,   b_v = exp(g_v), or in the transpose exp(g_{v−1})
 *
 * and after the last row they have decayed until the chunk's end, as what is added to Z must have. At `gap` lies g of the chunk's first row
 * in the panel's columns, of which there are `cols`.
 */
export function applyDecaying<T>(
  sweep: Sweep,
  rows: i32,
  gap: usize,
  cols: i32,
  z: usize,
  pivot: usize,
  out: usize,
  os: usize,
  alpha: T,
): void {
  const read = sweep.decayed;
  const gaps = read + ((rows + 3) & -4) * PANEL;
  const pair = gaps + rows * PANEL;
  readState<T>(sweep, rows, z, read);
  loadPanel<T>(gap, sweep.ps, rows, cols, gaps);
  const x = z + sweep.depth * PANEL;
  for (let half: usize = 0; half < PANEL; half += 16) {
    halfPanel<T>(sweep, rows, gaps + half, read + half, x + half, pivot, pair + half, out + half, os, alpha);
  }
  decayState<T>(z, z + sweep.zs - sweep.depth * PANEL, sweep.depth, pair);
}

/** Computes F_c Z. */
function readState<T>(sweep: Sweep, rows: i32, z: usize, to: usize): void {
  for (let i = 0; i < rows; i += 4) {
    sumTile<T>(sweep.ft + bytes<T>(i), sweep.ts, z, sweep.depth, sweep.block, 0, sweep.sum, to);
    to += 4 * PANEL;
  }
}

/** Computes one vector of the panel's columns. */
function halfPanel<T>(
  sweep: Sweep,
  rows: i32,
  gaps: usize,
  read: usize,
  x: usize,
  pivot: usize,
  pair: usize,
  out: usize,
  os: usize,
  alpha: T,
): void {
  const scale = v128.splat<T>(alpha);
  const zero = v128.splat<T>(0);
  let column = sweep.ft + sweep.depth * sweep.ts;
  let high = zero;
  let low = zero;
  let up = v128.splat<T>(1);
  let held = up;
  for (let v = 0; v < rows; v++) {
    const own = limited<T>(v128.load(gaps));
    const part = highPart<T>(own);
    high = v128.add<T>(high, part);
    low = v128.add<T>(low, v128.sub<T>(own, part));
    let factor = exp<T>(own, zero);
    if (sweep.gapAfter) {
      const next = factor;
      factor = held;
      held = next;
    }
    up = v128.mul<T>(up, factor);
    let sum = v128.mul<T>(up, v128.load(read));
    for (let w = 0; w < v; w += ROW_BLOCK) {
      sum = v128.add<T>(
        sum,
        earlierRows<T>(column + w * sweep.ts, sweep.ts, min(ROW_BLOCK, v - w), x + w * PANEL, factor),
      );
    }
    if (pivot) {
      sum = madd<T>(sum, v128.load_splat<T>(pivot), v128.load(x + v * PANEL));
      pivot += sizeof<T>();
    }
    v128.store(out, v128.mul<T>(sum, scale));
    column += sizeof<T>();
    gaps += PANEL;
    read += PANEL;
    out += os;
  }
  if (sweep.gapAfter) {
    for (let w = 0; w < rows; w++) {
      v128.store(x, v128.mul<T>(v128.load(x), held));
      x += PANEL;
    }
  }
  expPair<T>(high, low, pair, pair + PANEL);
}

/** Multiplies up to eight rows of X by a factor, and sums them, each times its coupling. */
function earlierRows<T>(coupling: usize, ts: usize, rows: i32, x: usize, factor: v128): v128 {
  let sum = v128.splat<T>(0);
  for (; rows > 0; rows--) {
    const row = v128.mul<T>(v128.load(x), factor);
    v128.store(x, row);
    sum = madd<T>(sum, v128.load_splat<T>(coupling), row);
    coupling += ts;
    x += PANEL;
  }
  return sum;
}

/**
 * Updates Z ← s Z. What is to be added to it, which is e Z and s times what Z has lost, takes the place of the latter
 * (see updateState).
 */
function decayState<T>(z: usize, lost: usize, r: i32, pair: usize): void {
  for (let half: usize = 0; half < PANEL; half += 16) {
    const s = v128.load(pair + half);
    const e = v128.load(pair + half, PANEL);
    for (let m: usize = half, end = <usize>r * PANEL; m < end; m += PANEL) {
      const before = v128.load(z + m);
      v128.store(lost + m, madd<T>(v128.mul<T>(s, v128.load(lost + m)), e, before));
      v128.store(z + m, v128.mul<T>(s, before));
    }
  }
}
