import type { Span } from "../engine/packed.js";
import { join } from "../engine/spans.js";

/** Consecutive tokens of a sequence and the slot whose state they change; or, joined, those of `batch` neighbouring sequences and slots. */
export interface SlotRange {
  readonly batch: number;
  readonly sequence: number;
  readonly start: number;
  readonly rows: number;
  readonly slot: number;
}

/** Tells whether two ranges can be computed as one: of neighbouring sequences and slots, and of the same tokens. */
export const sideBySide = (before: SlotRange, next: SlotRange): boolean =>
  follows(before, next) &&
  next.sequence === before.sequence + 1 &&
  next.start === before.start &&
  next.rows === before.rows;

/** Returns the tokens that a call computes, sequence by sequence, with the slots that they change. Sequences without tokens are left out. */
export function rangesOf(spans: readonly Span[], slots: Int32Array): SlotRange[] {
  return spans.flatMap(({ batch, sequence = 0, start, rows, state }) =>
    Array.from({ length: rows === 0 ? 0 : batch }, (_, n) => ({
      batch: 1,
      sequence: sequence + n,
      start,
      rows,
      slot: slots[state + n]!,
    })),
  );
}

/** Tells whether the slot of `next` is the one after that of `before`. */
export const follows = (before: { readonly slot: number }, next: { readonly slot: number }): boolean =>
  next.slot === before.slot + 1;

/** Joins slots that follow each other: runs of `batch` slots from `slot` on, of which the first has the place `at` in the list. */
export function runsOf(
  slots: Int32Array,
): { readonly slot: number; readonly at: number; readonly batch: number }[] {
  return join(
    Array.from(slots, (slot, at) => ({ slot, at, batch: 1 })),
    follows,
  );
}
