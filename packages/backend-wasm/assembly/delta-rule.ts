// The walk of the fused delta rule (reference README, equation (29)): chunk after chunk, within it batch entry after batch entry, and
// within that panel after panel: U and O (delta-panel.ts), then Z ← diag(A) Z + K̃ᵀ U (update.ts). Entries take turns in every chunk, and
// do not go through all their rows one after the other, because in [B, T, H·D] the rows of heads are neighbours in memory. The host limits
// how many take turns, so that their states stay in the second-level cache (src/delta-plan.ts).
import { Delta, Head, headAt, layOutDelta, placeHead } from "./delta";
import { deltaPairs } from "./delta-decay-scratch";
import { chunkRows, keepRows, keepStart, keptAt, keptPanel } from "./delta-kept";
import { openDelta } from "./delta-open";
import { deltaPanel } from "./delta-panel";
import { touchRows } from "./delta-ahead";
import { Decay, Job, Operands } from "./job";
import { align, bytes, loadPart, PANEL, panels, width } from "./lanes";
import { loadState, storePanel, storeState } from "./panels";
import { updateDecaying } from "./update";

/** Computes one item of deltaRule: some columns of some batch entries. */
export function deltaShare<T>(job: Job, index: i32, scratch: usize): void {
  const delta = changetype<Delta>(scratch);
  const from = (index % job.segments) * job.segment;
  const first = (index / job.segments) * job.group;
  const count = min(job.group, job.batch - first);
  const cols = min(job.segment, job.p - from);
  const column = bytes<T>(from);
  const heads = layOutDelta<T>(delta, job, cols, job.eraseWidth == 1);
  let z = (heads + count * offsetof<Head>() + 15) & -16;
  const before = job.operand(Operands.initialState);
  for (let i = 0; i < count; i++) {
    placeHead(headAt(heads, i), job, first + i, column, z);
    const state = before.entry(first + i);
    loadState<T>(state ? state + column : 0, before.row, job.r, cols, z, delta.zs);
    z += panels<T>(cols) * delta.zs;
  }
  if (job.r == 0) clearRows<T>(delta, heads, count);
  else {
    let rows = 0;
    for (let l = 0; l < delta.n; l += rows) {
      rows = chunkRows(job, l);
      for (let i = 0; i < count; i++) {
        const last = i == count - 1;
        const next = headAt(heads, last ? 0 : i + 1);
        deltaChunk<T>(job, delta, headAt(heads, i), l, rows, next, last ? l + rows : l);
      }
    }
  }
  const after = job.operand(Operands.finalState);
  for (let i = 0; i < count; i++) {
    const state = after.entry(first + i);
    if (state) storeState<T>(state + column, after.row, job.r, cols, headAt(heads, i).z, delta.zs);
  }
}

/** Writes zeros to the output. Without channels there is no state and nothing to read. */
function clearRows<T>(delta: Delta, heads: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    let out = headAt(heads, i).out;
    for (let l = 0; l < delta.n; l++) {
      memory.fill(out, 0, bytes<T>(delta.cols));
      out += delta.os;
    }
  }
}

/**
 * Computes one chunk of one batch entry. Meanwhile the rows of the entry whose turn is `next`, from row `ahead` on, are touched, some of them
 * for every panel.
 */
function deltaChunk<T>(job: Job, delta: Delta, head: Head, l: i32, rows: i32, next: Head, ahead: i32): void {
  const count = panels<T>(delta.cols);
  const step = (delta.chunk + count - 1) / count;
  const end = min(ahead + delta.chunk, delta.n);
  openDelta<T>(delta, head, l, rows, true);
  stageWritten<T>(delta, head, l, rows);
  let z = head.z;
  let out = head.out + l * delta.os;
  let kept = head.kept ? keptAt<T>(job, head.kept, l) : 0;
  for (let cols = delta.cols; cols > 0; cols -= width<T>()) {
    touchRows<T>(delta, next, ahead, min(step, end - ahead), true);
    ahead += step;
    if (kept) keepStart(job, kept, l, z);
    if (cols >= width<T>()) deltaPanel<T>(delta, rows, z, out, delta.os);
    else {
      deltaPanel<T>(delta, rows, z, delta.tail, PANEL);
      storePanel<T>(delta.tail, rows, cols, out, delta.os);
    }
    if (kept) {
      keepRows(job, kept, l, rows, z);
      kept += keptPanel(job);
    }
    addRows<T>(delta, rows, z, z + delta.depth * PANEL);
    z += delta.zs;
    out += PANEL;
  }
}

/** Writes W = w ∘ V of the chunk, row by row, under the panels of Z, with rows of zeros up to a multiple of four. */
export function stageWritten<T>(delta: Delta, head: Head, l: i32, rows: i32): void {
  const cols = delta.cols;
  const whole = cols / width<T>();
  const left = cols - whole * width<T>();
  const end = align(rows, 4);
  let v = head.v + l * delta.vs;
  // Without a write gate the erase gate is the layer's β, which writes too.
  const gate = delta.writeWidth ? head.write + l * delta.ws : head.erase + l * delta.es;
  const gs = delta.writeWidth ? delta.ws : delta.es;
  let row = head.z + delta.depth * PANEL;
  for (let i = 0; i < end; i++) {
    let to = row;
    let from = v;
    let w = gate + i * gs;
    if (i >= rows) {
      for (let j = panels<T>(cols); j > 0; j--) {
        memory.fill(to, 0, PANEL);
        to += delta.zs;
      }
    } else if (delta.writeWidth > 1) {
      for (let j = whole; j > 0; j--) {
        v128.store(to, v128.mul<T>(v128.load(w), v128.load(from)));
        v128.store(to, v128.mul<T>(v128.load(w, 16), v128.load(from, 16)), 16);
        to += delta.zs;
        from += PANEL;
        w += PANEL;
      }
      if (left) {
        v128.store(to, v128.mul<T>(loadPart<T>(w, 0, left), loadPart<T>(from, 0, left)));
        v128.store(to, v128.mul<T>(loadPart<T>(w, 16, left), loadPart<T>(from, 16, left)), 16);
      }
    } else {
      const factor = v128.load_splat<T>(w);
      for (let j = whole; j > 0; j--) {
        v128.store(to, v128.mul<T>(factor, v128.load(from)));
        v128.store(to, v128.mul<T>(factor, v128.load(from, 16)), 16);
        to += delta.zs;
        from += PANEL;
      }
      if (left) {
        v128.store(to, v128.mul<T>(factor, loadPart<T>(from, 0, left)));
        v128.store(to, v128.mul<T>(factor, loadPart<T>(from, 16, left)), 16);
      }
    }
    v += delta.vs;
    row += PANEL;
  }
}

/** Updates one panel of the state, Z ← diag(A) Z + (K∘dn)ᵀ U. */
export function addRows<T>(delta: Delta, rows: i32, z: usize, u: usize): void {
  const lost = z + delta.zs - delta.depth * PANEL;
  const g = delta.decay == Decay.none ? delta.k : delta.decayed;
  const s = deltaPairs(delta);
  updateDecaying<T>(delta.decay, z, lost, g, delta.rs, delta.r, delta.gTail, u, rows, s, delta.sum);
}
