import { Back } from "./delta-back";
import { madd, PANEL } from "./lanes";
import { ROW_BLOCK, sumGroup, sumTile } from "./sums";

/**
 * Solves B̄ = (I + S)⁻ᵀ (Mᵀ Ō + K̃ Z̄) of equation (30) of the reference README for one panel of a chunk of `rows` rows, a multiple of four.
 * The transpose is solved from the last four rows to the first; each four read Z̄, the rows of Ō from their own on, and the rows of B̄ after
 * them. In memory Ō lies under Z̄, and B̄ is put under Ō; the tiles of f lie alike (delta-back.ts).
 */
export function backPanel<T>(back: Back, rows: i32, z: usize): void {
  const delta = back.delta;
  const depth = delta.depth;
  const fs = back.fs;
  const tile = delta.sum;
  const part = tile + 4 * PANEL;
  for (let j = rows - 4; j >= 0; j -= 4) {
    const f = back.f + (j >> 2) * back.tiles;
    sumTile<T>(f, fs, z, depth, delta.block, 0, part, tile);
    const o: usize = depth + j;
    sumGroup<T>(f + o * fs, fs, z + o * PANEL, rows - j, ROW_BLOCK, part, tile, true);
    const b: usize = depth + rows + j;
    if (j + 4 < rows) {
      const next = b + 4;
      sumGroup<T>(f + next * fs, fs, z + next * PANEL, rows - j - 4, ROW_BLOCK, part, tile, true);
    }
    substituteBack<T>(tile, f + b * fs, fs, z + b * PANEL);
  }
}

/** Finishes four rows of B̄ from their sums. `a` is the 4×4 triangle of −S, row by row. */
function substituteBack<T>(tile: usize, a: usize, fs: usize, b: usize): void {
  const a1 = a + fs;
  const a2 = a1 + fs;
  const a3 = a2 + fs;
  const c30 = v128.load(tile, 96);
  const c31 = v128.load(tile, 112);
  let x = v128.load_splat<T>(a3, 2 * sizeof<T>());
  const c20 = madd<T>(v128.load(tile, 64), x, c30);
  const c21 = madd<T>(v128.load(tile, 80), x, c31);
  x = v128.load_splat<T>(a3, sizeof<T>());
  let c10 = madd<T>(v128.load(tile, 32), x, c30);
  let c11 = madd<T>(v128.load(tile, 48), x, c31);
  x = v128.load_splat<T>(a2, sizeof<T>());
  c10 = madd<T>(c10, x, c20);
  c11 = madd<T>(c11, x, c21);
  x = v128.load_splat<T>(a3);
  let c00 = madd<T>(v128.load(tile), x, c30);
  let c01 = madd<T>(v128.load(tile, 16), x, c31);
  x = v128.load_splat<T>(a2);
  c00 = madd<T>(c00, x, c20);
  c01 = madd<T>(c01, x, c21);
  x = v128.load_splat<T>(a1);
  c00 = madd<T>(c00, x, c10);
  c01 = madd<T>(c01, x, c11);
  v128.store(b, c00);
  v128.store(b, c01, 16);
  v128.store(b, c10, 32);
  v128.store(b, c11, 48);
  v128.store(b, c20, 64);
  v128.store(b, c21, 80);
  v128.store(b, c30, 96);
  v128.store(b, c31, 112);
}
