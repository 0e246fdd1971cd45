import { entryStart } from "../../contract/layout.js";
import type { FloatArray, HostTensor } from "../../contract/tensor.js";

/**
 * So many products are added up in one chain. A sum of n products is then wrong by at most (32 + n/64) ε, and not by n
 * ε.
 */
const BLOCK = 64;

/** Returns the index in `t.data` at which row `row` of batch entry `entry` starts. */
export function rowStart({ layout }: HostTensor, entry: number, row: number): number {
  return entryStart(layout, entry) + row * layout.row;
}

/** Returns Σ x y over `count` adjacent elements, from `xAt` and `yAt` on. */
export function dot(x: FloatArray, xAt: number, y: FloatArray, yAt: number, count: number): number {
  let total = 0;
  for (let from = 0; from < count; from += BLOCK) {
    const to = Math.min(from + BLOCK, count);
    let even = 0;
    let odd = 0;
    let i = from;
    for (; i + 1 < to; i += 2) {
      even += x[xAt + i]! * y[yAt + i]!;
      odd += x[xAt + i + 1]! * y[yAt + i + 1]!;
    }
    if (i < to) even += x[xAt + i]! * y[yAt + i]!;
    total += even + odd;
  }
  return total;
}

/** Numbers whose squares would overflow float64 are multiplied by this first. */
export const SHRINK: number = 2 ** -600;

/**
 * √(Σ (s x)² / divisor + s² eps) over a row, s = `shrink`: with s = 1 the row's norm, or Infinity where its squares overflow, and
 * finite with s = `SHRINK`. x / norm is (s x) / root then.
 */
export function rootOf(
  x: FloatArray,
  at: number,
  count: number,
  divisor: number,
  eps: number,
  shrink: number,
): number {
  if (shrink === 1) return Math.sqrt(dot(x, at, x, at, count) / divisor + eps);
  let squares = 0;
  for (let i = 0; i < count; i++) squares += (shrink * x[at + i]!) ** 2;
  return Math.sqrt(squares / divisor + shrink * (shrink * eps));
}
