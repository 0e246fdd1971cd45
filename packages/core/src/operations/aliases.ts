/** Which tensors of a call share elements, and which of those calls are refused. */
import { ValueError } from "../contract/errors.js";
import { entryStart, firstElement, isContiguous, lastElement } from "../contract/layout.js";
import { bytesPerElement, elementCount, type Tensor } from "../contract/tensor.js";

/**
 * Two tensors that interleave irregularly are compared row by row up to so many rows. Beyond that they count as
 * overlapping.
 */
const MAX_ROWS = 2 ** 20;

/** A tensor's rows, in bytes of its storage. */
interface Rows {
  /** The first byte of row 0 of entry 0. */
  readonly start: number;
  readonly width: number;
  readonly sequences: Axis;
  readonly heads: Axis;
  readonly rows: Axis;
}

interface Axis {
  readonly count: number;
  readonly stride: number;
}

function rowsOf(t: Located): Rows {
  const bytes = bytesPerElement[t.dtype];
  const { layout, shape } = t;
  return {
    start: t.byteOffset + layout.offset * bytes,
    width: shape[2] * bytes,
    sequences: { count: shape[0] / layout.heads, stride: layout.batch * bytes },
    heads: { count: layout.heads / layout.shared, stride: layout.head * bytes },
    rows: { count: shape[1], stride: layout.row * bytes },
  };
}

function gcd(a: number, b: number): number {
  return b === 0 ? Math.abs(a) : gcd(b, a % b);
}

/** Positions of a tensor's heads in one period of `period` bytes, or undefined where a row crosses the end of a period. */
function positions(of: Rows, period: number): number[] | undefined {
  const starts: number[] = [];
  for (let head = 0; head < of.heads.count; head++) {
    const position = (((of.start + head * of.heads.stride) % period) + period) % period;
    if (position + of.width > period) return undefined;
    starts.push(position);
  }
  return starts;
}

/**
 * Tells whether rows repeat with a common period at positions that do not meet, as the heads, or q, k and v, of one
 * packed array do.
 */
function interleave(a: Rows, b: Rows): boolean {
  const strides = [a.rows, b.rows, a.sequences, b.sequences].filter(({ count }) => count > 1);
  const period = strides.reduce((common, { stride }) => gcd(common, stride), 0);
  if (period === 0) return false;
  const [left, right] = [positions(a, period), positions(b, period)];
  if (left === undefined || right === undefined) return false;
  return left.every((x) => right.every((y) => x + a.width <= y || y + b.width <= x));
}

function starts(t: Located): Float64Array {
  const bytes = bytesPerElement[t.dtype];
  const [batch, rows] = t.shape;
  const all = new Float64Array(batch * rows);
  for (let entry = 0, at = 0; entry < batch; entry++) {
    const start = entryStart(t.layout, entry);
    for (let i = 0; i < rows; i++) all[at++] = t.byteOffset + bytes * (start + i * t.layout.row);
  }
  return all.sort();
}

/** Tells whether some row of `a` meets some row of `b`, by comparing all of them. */
function meet(a: Located, b: Located, widths: readonly [number, number]): boolean {
  const [left, right] = [starts(a), starts(b)];
  for (let i = 0, j = 0; i < left.length && j < right.length;) {
    if (left[i]! + widths[0] <= right[j]!) i++;
    else if (right[j]! + widths[1] <= left[i]!) j++;
    else return true;
  }
  return false;
}

/** Returns where the first element of `t` begins in its storage, in bytes. `t` must have elements. */
function firstByte({ byteOffset, dtype, shape, layout }: Located): number {
  return byteOffset + bytesPerElement[dtype] * firstElement(shape, layout);
}

/** Returns where the last element of `t` ends. */
function endByte({ byteOffset, dtype, shape, layout }: Located): number {
  return byteOffset + bytesPerElement[dtype] * (lastElement(shape, layout) + 1);
}

/** Those properties of a tensor that say where its elements lie. */
export type Located = Pick<Tensor, "storage" | "byteOffset" | "dtype" | "shape" | "layout">;

/**
 * Tells whether two tensors share an element. Beyond 2²⁰ rows that interleave irregularly, it tells whether they may.
 */
export function overlap(a: Located, b: Located): boolean {
  if (a.storage !== b.storage || elementCount(a.shape) === 0 || elementCount(b.shape) === 0) return false;
  if (endByte(a) <= firstByte(b) || endByte(b) <= firstByte(a)) return false;
  const [left, right] = [rowsOf(a), rowsOf(b)];
  if (interleave(left, right)) return false;
  const rows = a.shape[0] * a.shape[1] + b.shape[0] * b.shape[1];
  return rows > MAX_ROWS || meet(a, b, [left.width, right.width]);
}

/** Tells whether two tensors of one shape have the same elements in the same order. */
function same(a: Tensor, b: Tensor): boolean {
  const [x, y] = [a.layout, b.layout];
  return (
    a.storage === b.storage &&
    a.byteOffset === b.byteOffset &&
    (["offset", "heads", "shared", "batch", "head", "row"] as const).every((name) => x[name] === y[name])
  );
}

/** @throws ValueError where two elements of a tensor to be written are one, as in shared heads or rows of stride 0 */
function checkDistinct(argument: string, t: Tensor): void {
  if (isContiguous(t)) return;
  const { heads, width, sequences, rows } = rowsOf(t);
  const axes = [heads, sequences, rows].filter(({ count }) => count > 1);
  axes.sort((a, b) => Math.abs(a.stride) - Math.abs(b.stride));
  let span = width;
  let distinct = t.layout.shared === 1;
  for (const { count, stride } of axes) {
    if (Math.abs(stride) < span) distinct = false;
    span += (count - 1) * Math.abs(stride);
  }
  if (!distinct)
    throw new ValueError(argument, "a tensor whose elements are all distinct", "a view that repeats some");
}

/**
 * Of the tensors written, which come first, none repeats an element and none overlaps another of the call, but for the pairs
 * allowed to be the very same elements ("out=b"). Names and tensors are two lists, since a small solve spends more on pairs of
 * them than on the comparing.
 * @throws ValueError
 */
export function checkAliases(
  names: readonly string[],
  tensors: readonly (Tensor | undefined)[],
  written: number,
  allowed: readonly string[] = [],
): void {
  for (let index = 0; index < written; index++) {
    const t = tensors[index];
    if (t === undefined || elementCount(t.shape) === 0) continue;
    checkDistinct(names[index]!, t);
    const { storage } = t;
    const first = firstByte(t);
    const end = endByte(t);
    for (let other = index + 1; other < tensors.length; other++) {
      const u = tensors[other];
      // On a backend with one storage for all tensors nearly all pairs lie apart as wholes: that is asked first.
      if (u === undefined || u.storage !== storage || elementCount(u.shape) === 0) continue;
      if (end <= firstByte(u) || endByte(u) <= first) continue;
      if (allowed.includes(`${names[index]}=${names[other]}`) && same(t, u)) continue;
      if (overlap(t, u))
        throw new ValueError(
          names[index]!,
          `a tensor that does not overlap ${names[other]}`,
          "one that does",
        );
    }
  }
}
