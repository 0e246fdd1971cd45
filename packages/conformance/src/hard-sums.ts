/**
 * Problems whose roundings do not average out. Random data hide what a chain of additions loses; these show it:
 * all terms equal, so that every addition rounds the same way, or one term of 1 and many just under half a unit in its
 * last place, each of which a chain drops whole. The right-hand side of a solve is chosen so that its solution is such.
 */
import { newFloatArray, unitRoundoff, type Dtype, type FloatArray, type Sizes } from "@dlrt/core";
import { operatorOf, recurrent } from "@dlrt/core/reference";
import type { Problem } from "./problems.js";

/** What a problem is made of. A number stands for all elements. */
export interface Ingredients {
  readonly family: string;
  readonly q: number | ElementOf;
  readonly k: number | ElementOf;
  /** X of apply, Y of solve. */
  readonly x: number | ElementOf;
  readonly state?: number;
  /** g, which is the same in every row: one number for all channels, or one for each. */
  readonly gap?: number | readonly number[];
}

/** Gives an element by its row and column, both counted from 0. */
type ElementOf = (row: number, column: number) => number;

/** Returns a number just under half a unit in the last place of 1. A chain of additions that holds 1 loses it. */
function tiny(dtype: Dtype): number {
  return 0.98 * unitRoundoff[dtype];
}

/** Makes all elements of Q and K c/√r. */
export function equalEntries(r: number, c: number): Ingredients {
  const entry = c / Math.sqrt(r);
  return { family: `equal entries ${c}/√r`, q: entry, k: entry, x: 0.7, state: 0.7 };
}

/** Makes q_iᵀk_j = 1 + (r − 1) tiny. */
export function tinyOverRank(dtype: Dtype): Ingredients {
  const k = (_: number, column: number): number => (column === 0 ? 1 : tiny(dtype));
  return { family: "one large product over r", q: 1, k, x: 1 };
}

/** Makes Z start at 1 with row 0, and every later row add a tiny term. */
export function tinyOverRows(dtype: Dtype): Ingredients {
  const k = (row: number): number => (row === 0 ? 1 : tiny(dtype));
  return { family: "one large row", q: 1, k, x: 1 };
}

/** Makes Z 1 in the beginning, and `every` rows together add a tiny term to it, as the sum of a chunk of so many rows. */
export function tinyOverChunks(dtype: Dtype, every: number): Ingredients {
  return { family: `a large state, ${every} rows add little`, q: 1, k: tiny(dtype) / every, x: 1, state: 1 };
}

/** Makes constant data in which Z grows with every row, so that what a slow decay takes from it adds up. */
export function slowDecay(g: number): Ingredients {
  return { family: `constant data, g = ${g}`, q: 2 ** -16, k: 1, x: 1, state: 1, gap: g };
}

/** Makes the problem of one batch entry with λ = 1. It is visited in the same order with and without `trans`. */
export function hardSum(
  { family, q, k, x, state = 0, gap }: Ingredients,
  [verb, trans]: readonly [verb: "solve" | "apply", trans: boolean],
  sizes: Sizes,
  dtype: Dtype,
): Problem {
  const { n, r, p } = sizes;
  const rowsOf = (cols: number, value: number | ElementOf): FloatArray => {
    const of = typeof value === "number" ? (): number => value : value;
    return newFloatArray(dtype, n * cols).map((_, at) => {
      const row = Math.floor(at / cols);
      return of(trans ? n - 1 - row : row, at % cols);
    });
  };
  const [f, g] = [rowsOf(r, q), rowsOf(r, k)];
  const problem: Problem = {
    ...{ family, dtype, sizes, seed: 0 },
    diag: newFloatArray(dtype, n).fill(1),
    ...(trans ? { q: g, k: f } : { q: f, k: g }),
    rhs: rowsOf(p, x),
    state: newFloatArray(dtype, r * p).fill(state),
    ...(gap !== undefined && { decay: gapsOf(gap, n, dtype) }),
  };
  if (verb === "apply") return problem;
  const op = operatorOf({ ...sizes, ...problem }, 0);
  const { y } = recurrent.apply(op, Float64Array.from(problem.rhs), p, {
    trans,
    initialState: Float64Array.from(problem.state),
  });
  return { ...problem, rhs: newFloatArray(dtype, n * p).map((_, at) => y[at]!) };
}

/** Repeats the same gaps in every row: n of them, or n for each channel. */
function gapsOf(gap: number | readonly number[], n: number, dtype: Dtype): FloatArray {
  const row = typeof gap === "number" ? [gap] : gap;
  return newFloatArray(dtype, n * row.length).map((_, at) => row[at % row.length]!);
}
