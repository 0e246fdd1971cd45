import type { Piece } from "../engine/packed.js";
import { join } from "../engine/pieces.js";

/** Consecutive tokens of a sequence and the slot that they change; joined, of `batch` sequences and slots. */
export interface Range {
  readonly batch: number;
  readonly sequence: number;
  readonly start: number;
  readonly rows: number;
  readonly slot: number;
}

/** Whether two ranges are computed as one. */
export const sideBySide = (before: Range, next: Range): boolean =>
  follows(before, next) &&
  next.sequence === before.sequence + 1 &&
  next.start === before.start &&
  next.rows === before.rows;

/** The tokens that a call computes, sequence by sequence, with the slots that they change. */
export function rangesOf(pieces: readonly Piece[], slots: Int32Array): Range[] {
  return pieces.flatMap(({ batch, sequence = 0, start, rows, state }) =>
    Array.from({ length: rows === 0 ? 0 : batch }, (_, n) => ({
      batch: 1,
      sequence: sequence + n,
      start,
      rows,
      slot: slots[state + n]!,
    })),
  );
}

/** Whether the slot of `next` is the one after that of `before`. */
export const follows = (before: { readonly slot: number }, next: { readonly slot: number }): boolean =>
  next.slot === before.slot + 1;

/** Slots in their order, those that follow each other as one; `at` is the place of the first. */
export function runsOf(
  slots: Int32Array,
): { readonly slot: number; readonly at: number; readonly batch: number }[] {
  return join(
    Array.from(slots, (slot, at) => ({ slot, at, batch: 1 })),
    follows,
  );
}
