/** Two neighbouring elements of either type as a vector of f64, for what is computed in f64 whatever the dtype. */

/** Loads two neighbouring elements as f64, or one and a zero. */
export function loadPair<T>(at: usize, both: bool): v128 {
  if (sizeof<T>() == 8) return both ? v128.load(at) : v128.load64_zero(at);
  return f64x2.promote_low_f32x4(both ? v128.load64_zero(at) : v128.load32_zero(at));
}

/** Does the reverse, with one rounding. */
export function storePair<T>(at: usize, both: bool, x: v128): void {
  if (sizeof<T>() == 8) {
    if (both) v128.store(at, x);
    else v128.store64_lane(at, x, 0);
    return;
  }
  const narrow = f32x4.demote_f64x2_zero(x);
  if (both) v128.store64_lane(at, narrow, 0);
  else v128.store32_lane(at, narrow, 0);
}

/** Loads the elements of a row times `factor` as f64; an odd one out is followed by a zero. */
export function loadRow<T>(from: usize, count: i32, factor: f64, to: usize): void {
  const scale = f64x2.splat(factor);
  for (let left = count; left > 0; left -= 2) {
    v128.store(to, f64x2.mul(scale, loadPair<T>(from, left > 1)));
    from += 2 * sizeof<T>();
    to += 16;
  }
}

/** Does the reverse of a loadRow with a factor of 1, with one rounding of each element. */
export function storeRow<T>(from: usize, count: i32, to: usize): void {
  for (let left = count; left > 0; left -= 2) {
    storePair<T>(to, left > 1, v128.load(from));
    from += 16;
    to += 2 * sizeof<T>();
  }
}

/** Stores x ∘ y in the same way. */
export function storeProduct<T>(x: usize, y: usize, count: i32, to: usize): void {
  for (let left = count; left > 0; left -= 2) {
    storePair<T>(to, left > 1, f64x2.mul(v128.load(x), v128.load(y)));
    x += 16;
    y += 16;
    to += 2 * sizeof<T>();
  }
}

/** Computes to ← x ∘ y, rows of f64 of `length` bytes. */
export function multiplyRows(x: usize, y: usize, length: usize, to: usize): void {
  for (let at: usize = 0; at < length; at += 16) {
    v128.store(to + at, f64x2.mul(v128.load(x + at), v128.load(y + at)));
  }
}

/** Adds to a sum, and what that rounds away (Knuth's two-sum) to the vector after it. */
export function addExactly(sum: usize, term: v128): void {
  const before = v128.load(sum);
  const after = f64x2.add(before, term);
  const part = f64x2.sub(after, before);
  const lost = f64x2.add(f64x2.sub(before, f64x2.sub(after, part)), f64x2.sub(term, part));
  v128.store(sum, after);
  v128.store(sum, f64x2.add(v128.load(sum, 16), lost), 16);
}
