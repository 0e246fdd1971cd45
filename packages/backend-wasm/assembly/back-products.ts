import { Back } from "./delta-back";
import { align, bytes, madd, nmadd } from "./lanes";
import { Apart } from "./update";

// The products of a chunk's couplings' gradients with its rows, a vector of channels and four rows at a time, after Horner: what is
// summed up decays by a row's factor before that row joins, so that no factor between two rows is ever formed.

/**
 * Q̄_v = (…(Ō_v Zᵀ ∘ b_0 + M̄_v0 k_0) ∘ b_1 + … ) + M̄_vv k_v, and −P̄ likewise from B̄ and tril(B̄ Uᵀ, −1). With D = Apart the rows
 * have factors, with Plain none. Where P reads early its rows come one step later than those of Q, so that no row's own factor is theirs.
 */
export function readGradients<T, D>(back: Back, rows: i32): void {
  clearAbove<T>(back.m, back.cs, rows, 1);
  clearAbove<T>(back.s, back.cs, rows, 0);
  const rs = back.delta.rs;
  const later: usize = back.delta.early ? 1 : 0;
  const s = back.s + later * back.cs;
  const p = back.p + later * rs;
  for (let m: usize = 0; m < rs; m += 16) {
    for (let i = 0; i < rows; i += 4) {
      const at = i * rs + m;
      readFour<T, D>(back, i, m, back.q + at, p + at, s + i * back.cs);
    }
  }
}

/** Zeros from column i + first of row i on, up to a multiple of four. */
function clearAbove<T>(a: usize, as: usize, rows: i32, first: i32): void {
  const end = align(rows, 4);
  for (let i = 0; i < end; i++) {
    for (let j = i + first; j < end; j++) store<T>(a + i * as + bytes<T>(j), 0);
  }
}

function readFour<T, D>(back: Back, i: i32, m: usize, q: usize, p: usize, s: usize): void {
  const rs = back.delta.rs;
  const cs = back.cs;
  let k = back.delta.k + m;
  let factor = back.factor + m;
  let a = back.m + i * cs;
  let q0 = v128.load(q);
  let q1 = v128.load(q + rs);
  let q2 = v128.load(q + 2 * rs);
  let q3 = v128.load(q + 3 * rs);
  let p0 = v128.load(p);
  let p1 = v128.load(p + rs);
  let p2 = v128.load(p + 2 * rs);
  let p3 = v128.load(p + 3 * rs);
  for (let j = 0; j < i + 4; j++) {
    if (sizeof<D>() == sizeof<Apart>()) {
      const b = v128.load(factor);
      q0 = v128.mul<T>(q0, b);
      q1 = v128.mul<T>(q1, b);
      q2 = v128.mul<T>(q2, b);
      q3 = v128.mul<T>(q3, b);
      p0 = v128.mul<T>(p0, b);
      p1 = v128.mul<T>(p1, b);
      p2 = v128.mul<T>(p2, b);
      p3 = v128.mul<T>(p3, b);
      factor += rs;
    }
    const x = v128.load(k);
    q0 = madd<T>(q0, v128.load_splat<T>(a), x);
    q1 = madd<T>(q1, v128.load_splat<T>(a + cs), x);
    q2 = madd<T>(q2, v128.load_splat<T>(a + 2 * cs), x);
    q3 = madd<T>(q3, v128.load_splat<T>(a + 3 * cs), x);
    p0 = madd<T>(p0, v128.load_splat<T>(s), x);
    p1 = madd<T>(p1, v128.load_splat<T>(s + cs), x);
    p2 = madd<T>(p2, v128.load_splat<T>(s + 2 * cs), x);
    p3 = madd<T>(p3, v128.load_splat<T>(s + 3 * cs), x);
    // a row is done once it has come to itself; what becomes of it then is of no consequence
    if (j >= i) {
      const row = (j - i) * rs;
      v128.store(q + row, j == i ? q0 : j == i + 1 ? q1 : j == i + 2 ? q2 : q3);
      v128.store(p + row, j == i ? p0 : j == i + 1 ? p1 : j == i + 2 ? p2 : p3);
    }
    k += rs;
    a += sizeof<T>();
    s += sizeof<T>();
  }
}

/** K_w: the row w of U Z̄ᵀ after the factors of all rows after it, M̄_vw q_v − tril(B̄ Uᵀ)_vw p_v joining it from the last v on. */
export function keyGradients<T, D>(back: Back, rows: i32): void {
  const delta = back.delta;
  const rs = delta.rs;
  if (delta.early) {
    // what would come after the last row
    memory.fill(delta.p + rows * rs, 0, rs);
    memory.fill(back.s + rows * back.cs, 0, back.cs);
  }
  for (let m: usize = 0; m < rs; m += 16) {
    for (let j = 0; j < rows; j += 4) keyFour<T, D>(back, j, m, rows, back.k + j * rs + m);
  }
}

function keyFour<T, D>(back: Back, j: i32, m: usize, rows: i32, to: usize): void {
  const rs = back.delta.rs;
  const cs = back.cs;
  const last = rows - 1;
  const ofP = back.delta.early ? rows : last;
  let q = back.delta.q + last * rs + m;
  let p = back.delta.p + ofP * rs + m;
  let factor = back.factor + last * rs + m;
  let a = back.m + last * cs + bytes<T>(j);
  let s = back.s + ofP * cs + bytes<T>(j);
  let c0 = v128.load(to);
  let c1 = v128.load(to + rs);
  let c2 = v128.load(to + 2 * rs);
  let c3 = v128.load(to + 3 * rs);
  for (let i = last; i >= j; i--) {
    const x = v128.load(q);
    const y = v128.load(p);
    c0 = nmadd<T>(madd<T>(c0, v128.load_splat<T>(a), x), v128.load_splat<T>(s), y);
    c1 = nmadd<T>(madd<T>(c1, v128.load_splat<T>(a, sizeof<T>()), x), v128.load_splat<T>(s, sizeof<T>()), y);
    c2 = nmadd<T>(
      madd<T>(c2, v128.load_splat<T>(a, 2 * sizeof<T>()), x),
      v128.load_splat<T>(s, 2 * sizeof<T>()),
      y,
    );
    c3 = nmadd<T>(
      madd<T>(c3, v128.load_splat<T>(a, 3 * sizeof<T>()), x),
      v128.load_splat<T>(s, 3 * sizeof<T>()),
      y,
    );
    if (i < j + 4) {
      const row = i - j;
      v128.store(to + row * rs, row == 0 ? c0 : row == 1 ? c1 : row == 2 ? c2 : c3);
    }
    if (sizeof<D>() == sizeof<Apart>()) {
      const b = v128.load(factor);
      c0 = v128.mul<T>(c0, b);
      c1 = v128.mul<T>(c1, b);
      c2 = v128.mul<T>(c2, b);
      c3 = v128.mul<T>(c3, b);
      factor -= rs;
    }
    q -= rs;
    p -= rs;
    a -= cs;
    s -= cs;
  }
}
