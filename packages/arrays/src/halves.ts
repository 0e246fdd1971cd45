/**
 * Converts the two formats of 16 bits by their bits: binary16 ("f16": sign, 5 bits of exponent, 10 of fraction) and bfloat16 ("bf16": the
 * upper half of a binary32). Widening is exact for every pattern, payloads of NaN included; narrowing rounds to the nearest, ties to even.
 */

/** Returns the bits of the binary32 that has a binary16's value. */
export function widenHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 31) return sign | 0x7f80_0000 | (fraction << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // A subnormal number is fraction · 2⁻²⁴; as a binary32 it is normal, and its leading bit is not stored.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | ((fraction << (13 + shift)) & 0x007f_ffff);
}

/** Returns the binary16 that is nearest to a binary32, which is given by its bits. */
export function narrowHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fff_ffff;
  if (size > 0x7f80_0000) return sign | 0x7c00 | ((size >>> 13) & 0x3ff || 0x200); // a NaN stays one
  if (size >= 0x477f_f000) return sign | 0x7c00; // 65520 and beyond: half-way from the largest number to 65536
  if (size >= 0x3880_0000) return sign | ((size - 0x3800_0000 + 0xfff + ((size >>> 13) & 1)) >>> 13); // from 2⁻¹⁴ on, normal numbers
  const shift = 126 - (size >>> 23);
  if (shift > 24) return sign; // below 2⁻²⁵
  const whole = (size & 0x007f_ffff) | 0x0080_0000;
  const half = whole >>> shift;
  const rest = whole & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  return sign | (half + (rest > tie || (rest === tie && (half & 1) === 1) ? 1 : 0));
}

/** Returns the bits of the binary32 that has a bfloat16's value. */
export const widenBrain = (brain: number): number => brain << 16;

/** Returns the bfloat16 that is nearest to a binary32, which is given by its bits. */
export function narrowBrain(bits: number): number {
  if ((bits & 0x7fff_ffff) > 0x7f80_0000) {
    const upper = bits >>> 16;
    return (upper & 0x7f) === 0 ? upper | 0x40 : upper; // a NaN whose payload lies in the lower half stays one
  }
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/**
 * Rounds binary64 to binary32 "to odd": what is not exact becomes the one of its two neighbours whose last bit is 1. A second rounding, to a
 * format with at least two bits less, then gives what a single rounding would have given. Two roundings to the nearest would not.
 */
export function toOdd(data: Float64Array): Float32Array {
  const odd = new Float32Array(data);
  const bits = new Int32Array(odd.buffer);
  for (let i = 0; i < odd.length; i++) {
    const [exact, near] = [data[i]!, odd[i]!];
    if (exact === near || (bits[i]! & 1) === 1 || Number.isNaN(exact)) continue;
    bits[i]! += Math.abs(near) > Math.abs(exact) ? -1 : 1;
  }
  return odd;
}
