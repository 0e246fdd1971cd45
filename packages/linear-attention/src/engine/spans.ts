import { ShapeError, ValueError, type Tensor } from "@dlrt/core";
import { checkOptions, describe } from "@dlrt/core/backend";
import type { LayerOptions, Padding } from "./options.js";
import { rowsOf, type Packed, type Span } from "./packed.js";
import type { Scope } from "./scope.js";

/**
 * Returns the tokens that count of a call, as spans each of which one kernel call computes: all tokens at once, the packed sequences one by
 * one, or the sequences of a padded batch without their padding, of which neighbours of one length make one span. The states of the spans
 * are those of the sequences, in their order. A layer and a convolution both walk over these spans.
 * @throws ValueError, ShapeError, which name `sequences` or `padding`
 */
export function checkSpans(
  { sequences, padding }: Pick<LayerOptions, "sequences" | "padding">,
  batch: number,
  tokens: number,
): readonly Span[] {
  if (sequences !== undefined && padding !== undefined)
    throw new ValueError("padding", "none beside sequences, which have no rows between them", "both");
  if (sequences !== undefined) return checkSequences(sequences, batch, tokens);
  if (padding !== undefined) return checkPadding(padding, batch, tokens);
  return [{ batch, start: 0, rows: tokens, state: 0 }];
}

function checkSequences(sequences: Int32Array, batch: number, tokens: number): readonly Span[] {
  if (!(sequences instanceof Int32Array) || sequences.length < 1)
    throw new ValueError("sequences", "an Int32Array 0 = s₀ ≤ … ≤ s_N = T", describe(sequences));
  if (batch !== 1) throw new ShapeError("sequences", "a batch of 1", String(batch));
  const spans = Array.from({ length: sequences.length - 1 }, (_, n) => ({
    batch: 1,
    start: sequences[n]!,
    rows: sequences[n + 1]! - sequences[n]!,
    state: n,
  }));
  const [first, last] = [sequences[0]!, sequences.at(-1)!];
  if (first !== 0 || last !== tokens || spans.some(({ rows }) => rows < 0)) {
    const expected = `bounds from 0 to ${tokens} that never fall`;
    throw new ValueError("sequences", expected, describe([...sequences.subarray(0, 9)]));
  }
  return spans;
}

function checkPadding(padding: Padding, batch: number, tokens: number): readonly Span[] {
  checkOptions("padding", padding, ["side", "lengths"]);
  const { side, lengths } = padding;
  if (side !== "left" && side !== "right")
    throw new ValueError("padding.side", '"left" or "right"', describe(side));
  if (!(lengths instanceof Int32Array))
    throw new ValueError("padding.lengths", `an Int32Array of ${batch} lengths`, describe(lengths));
  if (lengths.length !== batch)
    throw new ShapeError("padding.lengths", `${batch} lengths`, `${lengths.length}`);
  const wrong = lengths.findIndex((length) => length < 0 || length > tokens);
  if (wrong >= 0) throw new ValueError("padding.lengths", `lengths from 0 to ${tokens}`, `${lengths[wrong]}`);
  const ranges = Array.from(lengths, (rows, sequence) => ({
    batch: 1,
    sequence,
    start: side === "left" ? tokens - rows : 0,
    rows,
    state: sequence,
  }));
  return join(ranges, (a, b) => a.rows === b.rows);
}

/** Joins runs of entries into one each, whose `batch` is their sum. `alike` tells of an entry and the next whether they are of one run. */
export function join<P extends { readonly batch: number }>(
  spans: Iterable<P>,
  alike: (before: P, next: P) => boolean,
): P[] {
  const joined: P[] = [];
  let last: P | undefined;
  for (const span of spans) {
    if (last !== undefined && alike(last, span)) {
      const whole = joined.pop()!;
      joined.push({ ...whole, batch: whole.batch + span.batch });
    } else joined.push(span);
    last = span;
  }
  return joined;
}

/** Turns a span of tokens into the span of rows of an array that has `perToken` rows for each token. */
export const stretched = (span: Span, perToken: number): Span => ({
  ...span,
  start: span.start * perToken,
  rows: span.rows * perToken,
});

/** Returns the rows that the spans of a padded batch leave out. */
export function paddingOf(spans: readonly Span[], tokens: number): readonly Span[] {
  return spans
    .flatMap((span) => {
      const end = span.start + span.rows;
      return [
        { ...span, start: 0, rows: span.start },
        { ...span, start: end, rows: tokens - end },
      ];
    })
    .filter(({ rows }) => rows > 0);
}

/** Writes zeros into the padded rows of an array with `perToken` rows for each token, whatever they held. */
export function clearRows<T extends Tensor>(
  scope: Scope<T>,
  { tensor, heads, width }: Packed<T>,
  padding: readonly Span[],
  perToken: number,
): void {
  const whole = { tensor, heads: 1, width: heads * width };
  for (const span of padding) {
    const rows = rowsOf(scope.backend, whole, stretched(span, perToken), 1);
    scope.copy(scope.repeated(0, rows.shape), rows);
  }
}
