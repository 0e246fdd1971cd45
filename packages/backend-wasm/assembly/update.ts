import { Decay } from "./job";
import { bytes, madd, PANEL } from "./lanes";
import { ROW_BLOCK } from "./sums";

/**
 * The three ways in which the state Z may decay in a chunk. They are told apart at compile time by their sizes as
 * types. With Plain, Z does not decay at all.
 */
export type Plain = u8;
/**
 * With Together, all rows of Z decay by the same pair of factors: the vector at `s` holds the first factor in every
 * lane, the vector at `e` the second.
 */
export type Together = u16;
/** With Apart, every row of Z decays by a pair of its own: row i by the elements i at `s` and at `e`. */
export type Apart = u32;

/**
 * Adds what one chunk contributes to one panel of the state: Z ← Z + G_cᵀ Y, with Z [r, panel] and Y [depth, panel],
 * where depth ≥ 1 counts the chunk's rows. Consecutive rows of G_c are `gs` bytes apart. Where r is no multiple of 4,
 * `tail` holds the last r mod 4 columns of G_c, as packTail leaves them, followed by two tiles of scratch.
 *
 * The array `lost` [r, panel] keeps what the roundings of Z have lost, and the next addition gives it back (Kahan's
 * summation). Without it the error grows with the number of rows n: with terms of one sign, ω reached 700 ε in an apply
 * of 65,536 rows and 1,800 ε in a solve. The compensation takes 5 % of the time, and cutting the chunk's rows into
 * blocks of 8 takes another 3 %.
 *
 * A state that decays is multiplied by s + e. The product s Z is exact, because s is a power of 2; the term added to it
 * is G_cᵀ Y + e Z + s lost. `part` is then scratch for four rows of a panel. What was lost decays along with Z, for
 * otherwise, after a reset of the state, it would outweigh everything that is added later.
 */
function updateState<T, D>(
  z: usize,
  lost: usize,
  g: usize,
  gs: usize,
  r: i32,
  tail: usize,
  y: usize,
  depth: i32,
  s: usize,
  e: usize,
  part: usize,
): void {
  updateTiles<T, D>(z, lost, g, gs, r >> 2, y, depth, s, e, part);
  const left = <usize>(r & 3) * PANEL;
  if (!left) return;
  const before = <usize>(r & -4) * PANEL;
  const tile = tail + <usize>depth * 4 * sizeof<T>();
  const skip = sizeof<D>() == sizeof<Apart>() ? bytes<T>(r & -4) : 0;
  memory.copy(tile, z + before, left);
  memory.copy(tile + 4 * PANEL, lost + before, left);
  updateTiles<T, D>(tile, tile + 4 * PANEL, tail, 4 * sizeof<T>(), 1, y, depth, s + skip, e + skip, part);
  memory.copy(z + before, tile, left);
  memory.copy(lost + before, tile + 4 * PANEL, left);
}

/** Runs updateState with the kind of decay that the job asks for. The factors e lie `gs` bytes after the factors s. */
export function updateDecaying<T>(
  decay: Decay,
  z: usize,
  lost: usize,
  g: usize,
  gs: usize,
  r: i32,
  tail: usize,
  y: usize,
  depth: i32,
  s: usize,
  part: usize,
): void {
  if (decay == Decay.none) updateState<T, Plain>(z, lost, g, gs, r, tail, y, depth, 0, 0, 0);
  else if (decay == Decay.row) updateState<T, Together>(z, lost, g, gs, r, tail, y, depth, s, s + gs, part);
  else updateState<T, Apart>(z, lost, g, gs, r, tail, y, depth, s, s + gs, part);
}

/** The bytes that `tail` takes: the columns that packTail copies, and the two tiles of scratch after them. */
export function tailBytes<T>(chunk: i32): f64 {
  return <f64>chunk * 4 * sizeof<T>() + 8 * PANEL;
}

/**
 * Copies the last r mod 4 columns of `rows` rows of G, one row after the other, 4 elements apart. The elements beyond
 * those columns are left as they are, and no result depends on them.
 */
export function packTail<T>(g: usize, gs: usize, rows: i32, r: i32, tail: usize): void {
  const left = bytes<T>(r & 3);
  if (!left) return;
  g += bytes<T>(r & -4);
  for (; rows > 0; rows--) {
    for (let j: usize = 0; j < left; j += sizeof<T>()) store<T>(tail + j, load<T>(g + j));
    g += gs;
    tail += 4 * sizeof<T>();
  }
}

/**
 * Does updateState for `tiles` tiles, each of four whole rows of Z. Row i of G_cᵀ is column i of G_c; a tile of four
 * rows of Z therefore needs, of each row of G_c, four adjacent elements, so that G_c is read as it lies and is never
 * transposed. The chunk's rows are cut into blocks of 8. The sums of all blocks but the last are gathered in `lost` (or
 * in `part` where the state decays); the last block adds everything to Z.
 */
function updateTiles<T, D>(
  z: usize,
  lost: usize,
  g: usize,
  gs: usize,
  tiles: i32,
  y: usize,
  depth: i32,
  s: usize,
  e: usize,
  part: usize,
): void {
  const stop = y + <usize>depth * PANEL;
  for (; tiles > 0; tiles--) {
    // Where the sums of the earlier blocks are gathered. They may join what Z has lost at once, unless that has to
    // decay first.
    const sums = sizeof<D>() == sizeof<Plain>() ? lost : part;
    let a = g;
    let v = y;
    for (;;) {
      const end = min(v + ROW_BLOCK * PANEL, stop);
      let y0 = v128.load(v);
      let y1 = v128.load(v, 16);
      let x = v128.load_splat<T>(a);
      let c00 = v128.mul<T>(x, y0);
      let c01 = v128.mul<T>(x, y1);
      x = v128.load_splat<T>(a, sizeof<T>());
      let c10 = v128.mul<T>(x, y0);
      let c11 = v128.mul<T>(x, y1);
      x = v128.load_splat<T>(a, 2 * sizeof<T>());
      let c20 = v128.mul<T>(x, y0);
      let c21 = v128.mul<T>(x, y1);
      x = v128.load_splat<T>(a, 3 * sizeof<T>());
      let c30 = v128.mul<T>(x, y0);
      let c31 = v128.mul<T>(x, y1);
      a += gs;
      v += PANEL;
      if (v != end) {
        do {
          y0 = v128.load(v);
          y1 = v128.load(v, 16);
          x = v128.load_splat<T>(a);
          c00 = madd<T>(c00, x, y0);
          c01 = madd<T>(c01, x, y1);
          x = v128.load_splat<T>(a, sizeof<T>());
          c10 = madd<T>(c10, x, y0);
          c11 = madd<T>(c11, x, y1);
          x = v128.load_splat<T>(a, 2 * sizeof<T>());
          c20 = madd<T>(c20, x, y0);
          c21 = madd<T>(c21, x, y1);
          x = v128.load_splat<T>(a, 3 * sizeof<T>());
          c30 = madd<T>(c30, x, y0);
          c31 = madd<T>(c31, x, y1);
          a += gs;
          v += PANEL;
        } while (v != end);
      }
      if (sizeof<D>() == sizeof<Plain>() || v > y + ROW_BLOCK * PANEL) {
        c00 = v128.add<T>(c00, v128.load(sums));
        c01 = v128.add<T>(c01, v128.load(sums, 16));
        c10 = v128.add<T>(c10, v128.load(sums, 32));
        c11 = v128.add<T>(c11, v128.load(sums, 48));
        c20 = v128.add<T>(c20, v128.load(sums, 64));
        c21 = v128.add<T>(c21, v128.load(sums, 80));
        c30 = v128.add<T>(c30, v128.load(sums, 96));
        c31 = v128.add<T>(c31, v128.load(sums, 112));
      }
      if (v != stop) {
        v128.store(sums, c00);
        v128.store(sums, c01, 16);
        v128.store(sums, c10, 32);
        v128.store(sums, c11, 48);
        v128.store(sums, c20, 64);
        v128.store(sums, c21, 80);
        v128.store(sums, c30, 96);
        v128.store(sums, c31, 112);
        continue;
      }
      if (sizeof<D>() == sizeof<Plain>()) {
        keep<T>(z, lost, c00);
        keep<T>(z + 16, lost + 16, c01);
        keep<T>(z + 32, lost + 32, c10);
        keep<T>(z + 48, lost + 48, c11);
        keep<T>(z + 64, lost + 64, c20);
        keep<T>(z + 80, lost + 80, c21);
        keep<T>(z + 96, lost + 96, c30);
        keep<T>(z + 112, lost + 112, c31);
      } else {
        let sk = factorOf<T, D>(s, 0);
        let ek = factorOf<T, D>(e, 0);
        decay<T>(z, lost, c00, sk, ek);
        decay<T>(z + 16, lost + 16, c01, sk, ek);
        if (sizeof<D>() == sizeof<Apart>()) {
          sk = factorOf<T, D>(s, sizeof<T>());
          ek = factorOf<T, D>(e, sizeof<T>());
        }
        decay<T>(z + 32, lost + 32, c10, sk, ek);
        decay<T>(z + 48, lost + 48, c11, sk, ek);
        if (sizeof<D>() == sizeof<Apart>()) {
          sk = factorOf<T, D>(s, 2 * sizeof<T>());
          ek = factorOf<T, D>(e, 2 * sizeof<T>());
        }
        decay<T>(z + 64, lost + 64, c20, sk, ek);
        decay<T>(z + 80, lost + 80, c21, sk, ek);
        if (sizeof<D>() == sizeof<Apart>()) {
          sk = factorOf<T, D>(s, 3 * sizeof<T>());
          ek = factorOf<T, D>(e, 3 * sizeof<T>());
        }
        decay<T>(z + 96, lost + 96, c30, sk, ek);
        decay<T>(z + 112, lost + 112, c31, sk, ek);
      }
      break;
    }
    g += 4 * sizeof<T>();
    z += 4 * PANEL;
    lost += 4 * PANEL;
    if (sizeof<D>() == sizeof<Apart>()) {
      s += 4 * sizeof<T>();
      e += 4 * sizeof<T>();
    }
  }
}

/** The factor of one row of a tile: the row's own with Apart, the common one with Together. */
function factorOf<T, D>(at: usize, row: usize): v128 {
  return sizeof<D>() == sizeof<Apart>() ? v128.load_splat<T>(at + row) : v128.load(at);
}

/** Z ← Z + term, with `lost` set to what this addition rounds away. */
function keep<T>(z: usize, lost: usize, term: v128): void {
  const before = v128.load(z);
  const after = v128.add<T>(before, term);
  v128.store(z, after);
  v128.store(lost, v128.sub<T>(term, v128.sub<T>(after, before)));
}

/** Z ← s Z + (e Z + s lost + term), with `lost` set to what the outer addition rounds away. */
function decay<T>(z: usize, lost: usize, term: v128, s: v128, e: v128): void {
  const old = v128.load(z);
  const before = v128.mul<T>(s, old);
  term = v128.add<T>(term, madd<T>(v128.mul<T>(s, v128.load(lost)), e, old));
  const after = v128.add<T>(before, term);
  v128.store(z, after);
  v128.store(lost, v128.sub<T>(term, v128.sub<T>(after, before)));
}
