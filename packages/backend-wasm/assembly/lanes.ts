/** Everything that depends on the element type. A vector is 16 bytes, and a row of a panel is 32 bytes, two vectors. */

/** The bytes from a row of a panel to the next. */
export const PANEL: usize = 32;

/** Returns the number of elements of a vector: 4 or 2. */
export function lanes<T>(): i32 {
  return 16 / sizeof<T>();
}

/** Returns the number of columns of a panel: 8 or 4. */
export function width<T>(): i32 {
  return 32 / sizeof<T>();
}

/** Returns how many panels hold so many columns. */
export function panels<T>(cols: i32): i32 {
  return (cols + width<T>() - 1) / width<T>();
}

export function bytes<T>(elements: i32): usize {
  return <usize>elements * sizeof<T>();
}

/** Rounds up to a multiple of `to`, a power of two. */
export function align(value: i32, to: i32): i32 {
  return (value + to - 1) & -to;
}

/**
 * Returns sum + x y. It is fused, with a single rounding, in the builds with relaxed SIMD where the processor can do
 * that.
 */
export function madd<T>(sum: v128, x: v128, y: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_madd<T>(x, y, sum);
  return v128.add<T>(sum, v128.mul<T>(x, y));
}

/** Returns sum − x y, fused as madd is. */
export function nmadd<T>(sum: v128, x: v128, y: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_nmadd<T>(x, y, sum);
  return v128.sub<T>(sum, v128.mul<T>(x, y));
}

/** Returns all ones in the lanes 0 to `last` of a vector, and zeros after them. */
export function lanesUpTo<T>(last: i32): v128 {
  if (sizeof<T>() == 4) return i32x4.le_s(i32x4(0, 1, 2, 3), i32x4.splat(last));
  return i64x2.le_s(i64x2(0, 1), i64x2.splat(<i64>last));
}

/** Loads the elements from byte m on of a row of r elements, with zeros after the last one. */
export function loadPart<T>(row: usize, m: usize, r: i32): v128 {
  const left = <isize>(bytes<T>(r) - m);
  if (left >= 16) return v128.load(row + m);
  let x = v128.splat<T>(0);
  if (left <= 0) return x;
  x = v128.replace_lane<T>(x, 0, load<T>(row + m));
  if (sizeof<T>() == 4) {
    if (left > 4) x = v128.replace_lane<T>(x, 1, load<T>(row + m, 4));
    if (left > 8) x = v128.replace_lane<T>(x, 2, load<T>(row + m, 8));
  }
  return x;
}

/** Returns the sum of a vector's lanes. */
export function sumLanes<T>(x: v128): T {
  const half: T = v128.extract_lane<T>(x, 0) + v128.extract_lane<T>(x, 1);
  if (sizeof<T>() == 4) return half + (v128.extract_lane<T>(x, 2) + v128.extract_lane<T>(x, 3));
  return half;
}

/** Does the reverse of loadPart: writes nothing after the last element of the row. */
export function storePart<T>(row: usize, m: usize, r: i32, x: v128): void {
  const left = <isize>(bytes<T>(r) - m);
  if (left >= 16) {
    v128.store(row + m, x);
    return;
  }
  if (left <= 0) return;
  store<T>(row + m, v128.extract_lane<T>(x, 0));
  if (sizeof<T>() == 4) {
    if (left > 4) store<T>(row + m, v128.extract_lane<T>(x, 1), sizeof<T>());
    if (left > 8) store<T>(row + m, v128.extract_lane<T>(x, 2), 2 * sizeof<T>());
  }
}

/** Transposes one square of lanes × lanes elements, dst[j][i] = src[i][j]. Strides are in bytes. */
export function transposeSquare<T>(r0: usize, r1: usize, r2: usize, r3: usize, dst: usize, ds: usize): void {
  const a = v128.load(r0);
  const b = v128.load(r1);
  if (sizeof<T>() == 8) {
    v128.store(dst, v128.shuffle<f64>(a, b, 0, 2));
    v128.store(dst + ds, v128.shuffle<f64>(a, b, 1, 3));
    return;
  }
  const c = v128.load(r2);
  const d = v128.load(r3);
  const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(dst, v128.shuffle<f64>(ab0, cd0, 0, 2));
  v128.store(dst + ds, v128.shuffle<f64>(ab0, cd0, 1, 3));
  v128.store(dst + 2 * ds, v128.shuffle<f64>(ab1, cd1, 0, 2));
  v128.store(dst + 3 * ds, v128.shuffle<f64>(ab1, cd1, 1, 3));
}
