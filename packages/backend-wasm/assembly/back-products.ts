import { Back } from "./delta-back";
import { align, bytes, madd, nmadd } from "./lanes";
import { Apart } from "./update";

// The products of equation (30) of the reference README that are summed over the rows of a chunk: (M̄ ∘ E) K and (S̄ ∘ E) K for Q̄ and P̄,
// (M̄ ∘ E)ᵀ Q and (S̄ ∘ E)ᵀ P for K̄. They go one vector of channels and four rows at a time and follow Horner's scheme: the sum decays by a
// row's factor before that row joins it, so that E, a factor between two distant rows, is never formed. Where rows decay by one factor each,
// M̄ and S̄ have been multiplied by E before (back-chunk.ts), and the same loops run without factors.

/**
 * Computes Q̄_v = (…(Ō_v Zᵀ ∘ b_0 + M̄_v0 k_0) ∘ b_1 + … ) + M̄_vv k_v, and in the same way −P̄ from B̄ and tril(B̄ Uᵀ,
 * −1). With D = Apart the rows have factors of decay; with D = Plain they have none.
 */
export function readGradients<T, D>(back: Back, rows: i32): void {
  clearAbove<T>(back.m, back.cs, rows, 1);
  clearAbove<T>(back.s, back.cs, rows, 0);
  const rs = back.delta.rs;
  for (let m: usize = 0; m < rs; m += 16) {
    for (let i = 0; i < rows; i += 4) {
      const at = i * rs + m;
      readFour<T, D>(back, i, m, back.q + at, back.p + at);
    }
  }
}

/** Sets zeros in each row i from column i + first on, up to a multiple of four columns. */
function clearAbove<T>(a: usize, as: usize, rows: i32, first: i32): void {
  const end = align(rows, 4);
  for (let i = 0; i < end; i++) {
    for (let j = i + first; j < end; j++) store<T>(a + i * as + bytes<T>(j), 0);
  }
}

function readFour<T, D>(back: Back, i: i32, m: usize, q: usize, p: usize): void {
  const rs = back.delta.rs;
  const cs = back.cs;
  let k = back.delta.k + m;
  let factor = back.factor + m;
  let a = back.m + i * cs;
  let s = back.s + i * cs;
  const own = a + bytes<T>(i);
  let q0 = v128.load(q);
  let q1 = v128.load(q + rs);
  let q2 = v128.load(q + 2 * rs);
  let q3 = v128.load(q + 3 * rs);
  let p0 = v128.load(p);
  let p1 = v128.load(p + rs);
  let p2 = v128.load(p + 2 * rs);
  let p3 = v128.load(p + 3 * rs);
  for (; a != own; a += sizeof<T>()) {
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
    k += rs;
    s += sizeof<T>();
  }
  // Each of the four rows ends at its own column. −P̄ has no term there, because it is strictly lower triangular.
  let x = v128.load(k);
  v128.store(q, madd<T>(decayed<T, D>(q0, factor), v128.load_splat<T>(a), x));
  v128.store(p, decayed<T, D>(p0, factor));
  q1 = madd<T>(decayed<T, D>(q1, factor), v128.load_splat<T>(a + cs), x);
  q2 = madd<T>(decayed<T, D>(q2, factor), v128.load_splat<T>(a + 2 * cs), x);
  q3 = madd<T>(decayed<T, D>(q3, factor), v128.load_splat<T>(a + 3 * cs), x);
  p1 = madd<T>(decayed<T, D>(p1, factor), v128.load_splat<T>(s + cs), x);
  p2 = madd<T>(decayed<T, D>(p2, factor), v128.load_splat<T>(s + 2 * cs), x);
  p3 = madd<T>(decayed<T, D>(p3, factor), v128.load_splat<T>(s + 3 * cs), x);
  k += rs;
  factor += rs;
  x = v128.load(k);
  v128.store(q + rs, madd<T>(decayed<T, D>(q1, factor), v128.load_splat<T>(a + cs, sizeof<T>()), x));
  v128.store(p + rs, decayed<T, D>(p1, factor));
  q2 = madd<T>(decayed<T, D>(q2, factor), v128.load_splat<T>(a + 2 * cs, sizeof<T>()), x);
  q3 = madd<T>(decayed<T, D>(q3, factor), v128.load_splat<T>(a + 3 * cs, sizeof<T>()), x);
  p2 = madd<T>(decayed<T, D>(p2, factor), v128.load_splat<T>(s + 2 * cs, sizeof<T>()), x);
  p3 = madd<T>(decayed<T, D>(p3, factor), v128.load_splat<T>(s + 3 * cs, sizeof<T>()), x);
  k += rs;
  factor += rs;
  x = v128.load(k);
  v128.store(
    q + 2 * rs,
    madd<T>(decayed<T, D>(q2, factor), v128.load_splat<T>(a + 2 * cs, 2 * sizeof<T>()), x),
  );
  v128.store(p + 2 * rs, decayed<T, D>(p2, factor));
  q3 = madd<T>(decayed<T, D>(q3, factor), v128.load_splat<T>(a + 3 * cs, 2 * sizeof<T>()), x);
  p3 = madd<T>(decayed<T, D>(p3, factor), v128.load_splat<T>(s + 3 * cs, 2 * sizeof<T>()), x);
  k += rs;
  factor += rs;
  x = v128.load(k);
  v128.store(
    q + 3 * rs,
    madd<T>(decayed<T, D>(q3, factor), v128.load_splat<T>(a + 3 * cs, 3 * sizeof<T>()), x),
  );
  v128.store(p + 3 * rs, decayed<T, D>(p3, factor));
}

/** Multiplies a sum by a row's factors of decay, where there are any. */
function decayed<T, D>(sum: v128, factor: usize): v128 {
  return sizeof<D>() == sizeof<Apart>() ? v128.mul<T>(sum, v128.load(factor)) : sum;
}

/**
 * Computes K_w: the row w of U Z̄ᵀ, decayed by the factors of all rows after w, to which M̄_vw q_v − tril(B̄ Uᵀ)_vw p_v
 * is added for each row v from the last on.
 */
export function keyGradients<T, D>(back: Back, rows: i32): void {
  const rs = back.delta.rs;
  for (let m: usize = 0; m < rs; m += 32) {
    // Two vectors are computed at a time; a last vector without a partner is computed twice.
    const second = m + 16 < rs ? 16 : 0;
    for (let j = 0; j < rows; j += 4) keyFour<T, D>(back, j, m, second, rows, back.k + j * rs + m);
  }
}

function keyFour<T, D>(back: Back, j: i32, m: usize, second: usize, rows: i32, to: usize): void {
  const rs = back.delta.rs;
  const cs = back.cs;
  const last = rows - 1;
  let q = back.delta.q + last * rs + m;
  let p = back.delta.p + last * rs + m;
  let factor = back.factor + last * rs + m;
  let a = back.m + last * cs + bytes<T>(j);
  let s = back.s + last * cs + bytes<T>(j);
  let c0 = v128.load(to);
  let c1 = v128.load(to + rs);
  let c2 = v128.load(to + 2 * rs);
  let c3 = v128.load(to + 3 * rs);
  let d0 = v128.load(to + second);
  let d1 = v128.load(to + rs + second);
  let d2 = v128.load(to + 2 * rs + second);
  let d3 = v128.load(to + 3 * rs + second);
  for (let i = last; i >= j; i--) {
    let x = v128.load(q);
    let y = v128.load(q + second);
    let f = v128.load_splat<T>(a);
    c0 = madd<T>(c0, f, x);
    d0 = madd<T>(d0, f, y);
    f = v128.load_splat<T>(a, sizeof<T>());
    c1 = madd<T>(c1, f, x);
    d1 = madd<T>(d1, f, y);
    f = v128.load_splat<T>(a, 2 * sizeof<T>());
    c2 = madd<T>(c2, f, x);
    d2 = madd<T>(d2, f, y);
    f = v128.load_splat<T>(a, 3 * sizeof<T>());
    c3 = madd<T>(c3, f, x);
    d3 = madd<T>(d3, f, y);
    x = v128.load(p);
    y = v128.load(p + second);
    f = v128.load_splat<T>(s);
    c0 = nmadd<T>(c0, f, x);
    d0 = nmadd<T>(d0, f, y);
    f = v128.load_splat<T>(s, sizeof<T>());
    c1 = nmadd<T>(c1, f, x);
    d1 = nmadd<T>(d1, f, y);
    f = v128.load_splat<T>(s, 2 * sizeof<T>());
    c2 = nmadd<T>(c2, f, x);
    d2 = nmadd<T>(d2, f, y);
    f = v128.load_splat<T>(s, 3 * sizeof<T>());
    c3 = nmadd<T>(c3, f, x);
    d3 = nmadd<T>(d3, f, y);
    if (i < j + 4) {
      const row = i - j;
      v128.store(to + row * rs, row == 0 ? c0 : row == 1 ? c1 : row == 2 ? c2 : c3);
      v128.store(to + row * rs + second, row == 0 ? d0 : row == 1 ? d1 : row == 2 ? d2 : d3);
    }
    if (sizeof<D>() == sizeof<Apart>()) {
      x = v128.load(factor);
      y = v128.load(factor + second);
      c0 = v128.mul<T>(c0, x);
      c1 = v128.mul<T>(c1, x);
      c2 = v128.mul<T>(c2, x);
      c3 = v128.mul<T>(c3, x);
      d0 = v128.mul<T>(d0, y);
      d1 = v128.mul<T>(d1, y);
      d2 = v128.mul<T>(d2, y);
      d3 = v128.mul<T>(d3, y);
      factor -= rs;
    }
    q -= rs;
    p -= rs;
    a -= cs;
    s -= cs;
  }
}
