// What equation (30) of the reference README needs of a chunk beside what openDelta has made: Q̃ and −P̃ as rows, which are added to Z̄, and the
// tiles of f, for which K̃, M and S are turned from rows into columns (delta-back.ts draws them).
import { Back } from "./delta-back";
import { Delta } from "./delta";
import { readFactors, readsBefore } from "./delta-decay-rows";
import { transposeRows } from "./delta-open";
import { exp, limited } from "./exp";
import { Decay } from "./job";
import { align, bytes, loadPart } from "./lanes";
import { packTail } from "./update";

/**
 * Stages what the backward pass needs of the chunk that openDelta has opened. The rows are padded to a multiple of
 * four.
 */
export function openBack<T>(back: Back, gap: usize, rows: i32): void {
  const delta = back.delta;
  const rs = delta.rs;
  const whole = align(rows, 4);
  stageAdded<T>(back, gap, rows, whole);
  packTail<T>(back.added, rs, 2 * whole, delta.r, back.addedTail);
  const written = delta.decay == Decay.none ? delta.k : delta.decayed;
  if (delta.decay != Decay.none) memory.fill(delta.decayed + rows * rs, 0, (whole - rows) * rs);
  let f = back.f;
  for (let j = 0; j < whole; j += 4) {
    transposeRows<T>(written + j * rs, rs, f, back.fs);
    turnCouplings<T>(delta, j, whole, f + delta.depth * back.fs, back.fs);
    f += back.tiles;
  }
}

/** Stages Q∘up and −P∘up and, where every channel decays by itself, the factors of all rows. */
function stageAdded<T>(back: Back, gap: usize, rows: i32, whole: i32): void {
  const delta = back.delta;
  const rs = delta.rs;
  const ups = readFactors<T>(delta);
  const before = readsBefore<T>(delta);
  for (let m: usize = 0; m < rs; m += 16) {
    let up = v128.splat<T>(1);
    let g = gap;
    for (let i = 0; i < whole; i++) {
      const at = i * rs + m;
      let ofP = up;
      if (delta.decay == Decay.channel && i < rows) {
        const factor = exp<T>(limited<T>(loadPart<T>(g, m, delta.r)), v128.splat<T>(0));
        v128.store(back.factor + at, factor);
        up = v128.mul<T>(up, factor);
        ofP = up;
      } else if (delta.decay == Decay.row && i < rows) {
        up = v128.load_splat<T>(ups + bytes<T>(i));
        ofP = v128.load_splat<T>(ups + bytes<T>(i) - before);
      }
      v128.store(back.added + at, v128.mul<T>(up, v128.load(delta.q + at)));
      const p = v128.mul<T>(ofP, v128.load(delta.p + at));
      v128.store(back.added + whole * rs + at, v128.neg<T>(p));
      g += delta.ps;
    }
  }
}

/**
 * Writes rows i and columns j to j + 3 of M, and below them those of −S, from rows j and columns i of f. What lies
 * above the diagonal becomes zero.
 */
function turnCouplings<T>(delta: Delta, j: i32, whole: i32, to: usize, ts: usize): void {
  const under = delta.depth * delta.fs;
  for (let i = j; i < whole; i++) {
    const column = delta.f + (i >> 2) * delta.tiles + under + bytes<T>(i & 3);
    const m = to + i * ts;
    const s = m + whole * ts;
    for (let w = 0; w < 4; w++) {
      const at = column + (j + w) * delta.fs;
      store<T>(m + bytes<T>(w), j + w <= i ? load<T>(at, 4 * sizeof<T>()) : 0);
      store<T>(s + bytes<T>(w), j + w < i ? -load<T>(at) : 0);
    }
  }
}
