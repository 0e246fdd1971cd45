import { ShapeError, ValueError, type Tensor } from "@dlrt/core";
import { checkOptions, describe } from "@dlrt/core/backend";
import type { LayerOptions, Padding } from "./options.js";
import { rowsOf, type Packed, type Piece } from "./packed.js";
import type { Scope } from "./scope.js";

/**
 * The tokens of a call that count, as pieces that can each be computed at once: all of them, the packed sequences, or without
 * their padding those of a padded batch, where neighbours of one length are one piece. Piece by piece the states follow the
 * sequences. Whatever walks along the tokens, as a layer or a convolution does, walks over these.
 * @throws ValueError, ShapeError
 */
export function checkPieces(
  { sequences, padding }: Pick<LayerOptions, "sequences" | "padding">,
  batch: number,
  tokens: number,
): readonly Piece[] {
  if (sequences !== undefined && padding !== undefined)
    throw new ValueError("padding", "none beside sequences, which have no rows between them", "both");
  if (sequences !== undefined) return checkSequences(sequences, batch, tokens);
  if (padding !== undefined) return checkPadding(padding, batch, tokens);
  return [{ batch, start: 0, rows: tokens, state: 0 }];
}

function checkSequences(sequences: Int32Array, batch: number, tokens: number): readonly Piece[] {
  if (!(sequences instanceof Int32Array) || sequences.length < 1)
    throw new ValueError("sequences", "an Int32Array 0 = s₀ ≤ … ≤ s_N = T", describe(sequences));
  if (batch !== 1) throw new ShapeError("sequences", "a batch of 1", String(batch));
  const pieces = Array.from({ length: sequences.length - 1 }, (_, n) => ({
    batch: 1,
    start: sequences[n]!,
    rows: sequences[n + 1]! - sequences[n]!,
    state: n,
  }));
  const [first, last] = [sequences[0]!, sequences.at(-1)!];
  if (first !== 0 || last !== tokens || pieces.some(({ rows }) => rows < 0)) {
    const expected = `bounds from 0 to ${tokens} that never fall`;
    throw new ValueError("sequences", expected, describe([...sequences.subarray(0, 9)]));
  }
  return pieces;
}

function checkPadding(padding: Padding, batch: number, tokens: number): readonly Piece[] {
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

/** Joins neighbours that may be one piece. `alike` says so of two that follow each other. */
export function join<P extends { readonly batch: number }>(
  pieces: Iterable<P>,
  alike: (before: P, next: P) => boolean,
): P[] {
  const joined: P[] = [];
  let last: P | undefined;
  for (const piece of pieces) {
    if (last !== undefined && alike(last, piece)) {
      const whole = joined.pop()!;
      joined.push({ ...whole, batch: whole.batch + piece.batch });
    } else joined.push(piece);
    last = piece;
  }
  return joined;
}

/** Turns a piece of tokens into the rows of an array that has several rows for each token. */
export const stretched = (piece: Piece, perToken: number): Piece => ({
  ...piece,
  start: piece.start * perToken,
  rows: piece.rows * perToken,
});

/** Returns the rows beside the pieces of a padded batch. */
export function paddingOf(pieces: readonly Piece[], tokens: number): readonly Piece[] {
  return pieces
    .flatMap((piece) => {
      const end = piece.start + piece.rows;
      return [
        { ...piece, start: 0, rows: piece.start },
        { ...piece, start: end, rows: tokens - end },
      ];
    })
    .filter(({ rows }) => rows > 0);
}

/** Writes zeros into padded rows, whatever they held. */
export function clearRows<T extends Tensor>(
  scope: Scope<T>,
  { tensor, heads, width }: Packed<T>,
  padding: readonly Piece[],
  perToken: number,
): void {
  const whole = { tensor, heads: 1, width: heads * width };
  for (const piece of padding) {
    const rows = rowsOf(scope.backend, whole, stretched(piece, perToken), 1);
    scope.copy(scope.repeated(0, rows.shape), rows);
  }
}
