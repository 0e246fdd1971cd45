/**
 * What a layer's results may be off by, element by element.
 *
 * A layer is a long product of matrices that depend on its inputs. A bound from absolute values alone, as the operator has one, grows
 * exponentially with the tokens and judges nothing: |I − β k kᵀ| adds where I − β k kᵀ removes. So errors are drawn, not bounded, and the
 * layer's own recurrence carries them along in float64. Draws make two kinds, which are the operator's promise of a backward error:
 *
 *     every number of every input, state and cotangent is moved by one ε of itself, up or down
 *     every read of the state (every row of a product with T or T⁻¹) is off by one ε of the root of the sum of the squares of its terms,
 *     and so is the gradient of a decay, which is a running sum of the terms q ∘ q̄ and k ∘ k̄
 *
 * How far an element moves then, as the root of the mean square over three draws and at least eight neighbours of the same head, is its
 * spread: large where the layer is ill-conditioned, small behind a strong decay, 0 where the result is 0 whatever the numbers. With o the
 * element and s the largest number among values and states (factors below 2⁻⁶⁴ count as 2⁻⁶⁴, as for the operator):
 *
 *     |error| ≤ ALLOWED ε (spread/ε + |o| + 2⁻⁶⁴ s)
 *
 * In runs of a hundred cases from several seeds correct backends reach 9 (js), 22 (wasm) and 11 (webgpu): they round in a few places more
 * than the draws do, and of many hundred thousand elements the unluckiest counts. ALLOWED is 64, three times that. On data like a model's that is about
 * 3e-6 of the largest element, where a wrong head, state, gate or sum is off by thousands of spreads; what is off by less, the exact class finds.
 * In f64 the reference is itself rounded once a token and once a column, in one chain each: the limit there is ALLOWED + T + K.
 */
import type { Dtype } from "@dlrt/core";
import { Random } from "../random.js";
import type { LayerCotangents, LayerData } from "./data.js";
import type { Kind } from "./definition.js";
import { headsOf, rowsOf, widthOf, type LayerProblem } from "./problem.js";

/** The ε of each dtype. Inputs move by that of f32 in both dtypes, and what comes of it is scaled. */
export const EPS: Readonly<Record<Dtype, number>> = { f32: 2 ** -24, f64: 2 ** -53 };

export const ALLOWED = 64;

/** Returns what ω may be, as this file's head derives it. */
export function limitOf({ tokens, layer, keyWidth }: LayerProblem, dtype: Dtype): number {
  return dtype === "f32" ? ALLOWED : ALLOWED + tokens * layer.steps + keyWidth;
}

/**
 * How many times moved inputs are drawn. There are more draws where a gradient is one number for each head and has no
 * neighbours to average with.
 */
export const drawsFor = ({ layer }: LayerProblem): number =>
  Object.values(layer.inputs).includes("A") ? 8 : 3;

/** The fewest elements whose squares are averaged: three draws of one number could all be near 0. */
const NEIGHBOURS = 8;

const FLUSHED = 2 ** -64;

/** What a result is compared with: its value, and the bound for ALLOWED = 1 in units of ε. */
export interface Judged {
  readonly expected: Float64Array;
  readonly unit: Float64Array;
}

/**
 * How the elements lie: in rows of `heads` heads of `width` columns. `runs` holds the bounds of the rows that make one
 * sum, as in the gradient of a decay.
 */
export interface Arrangement {
  readonly heads: number;
  readonly width: number;
  readonly runs?: readonly number[];
}

/** Returns ±ε by the toss of a coin. It uses xorshift, because millions of numbers are drawn. */
function coinFrom(seed: number): () => number {
  let state = new Random(seed).integer(1, 2 ** 31 - 1);
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state < 0 ? -EPS.f32 : EPS.f32;
  };
}

/** Moves every number by one ε of itself, up or down. */
function moved(array: Float64Array, coin: () => number): Float64Array {
  const out = array.slice();
  for (let at = 0; at < out.length; at++) out[at]! *= 1 + coin();
  return out;
}

export function movedData({ inputs, initialState }: LayerData, seed: number): LayerData {
  const coin = coinFrom(seed);
  const own = Object.entries(inputs).map(([name, array]) => [name, moved(array, coin)] as const);
  return {
    inputs: Object.fromEntries(own),
    ...(initialState && { initialState: moved(initialState, coin) }),
  };
}

/** Returns the error of a read of the state: ±1 ε of the root of the sum of the squares of its terms. */
export const noiseFrom = (seed: number): (() => number) => coinFrom(seed + 2);

export function movedCotangents({ output, finalState }: LayerCotangents, seed: number): LayerCotangents {
  const coin = coinFrom(seed + 1);
  return { output: moved(output, coin), finalState: moved(finalState, coin) };
}

/** Returns s, the largest absolute value among what is written and the states. */
export function sizeOf(problem: LayerProblem, { inputs, initialState }: LayerData): number {
  const values = Object.keys(inputs).filter((name) => problem.layer.inputs[name] === "value");
  let size = 0;
  for (const array of [...values.map((name) => inputs[name]!), ...(initialState ? [initialState] : [])])
    for (const value of array) size = Math.max(size, Math.abs(value));
  return size;
}

/** Computes the bound for every element with ALLOWED = 1. */
export function judgedBy(
  expected: Float64Array,
  draws: readonly Float64Array[],
  arrangement: Arrangement,
  size: number,
): Judged {
  const squares = new Float64Array(expected.length);
  for (const draw of draws)
    for (let at = 0; at < draw.length; at++)
      squares[at]! += ((draw[at]! - expected[at]!) / EPS.f32) ** 2 / draws.length;
  const { heads, width, runs } = arrangement;
  const rows = expected.length / (heads * width);
  const unit = new Float64Array(expected.length);
  const step = Math.ceil(NEIGHBOURS / Math.max(1, width));
  const blocks = (from: number, to: number, head: number): Block[] =>
    Array.from({ length: Math.ceil((to - from) / step) }, (_, b) => {
      const [first, last] = [from + b * step, Math.min(to, from + (b + 1) * step)];
      // A block that the end would cut short also takes the rows before it.
      return {
        head,
        first,
        last,
        spread: spreadOf(squares, arrangement, head, [Math.max(from, last - step), last]),
      };
    });
  const bounds = runs ?? [0, rows];
  for (let head = 0; head < heads; head++) {
    for (let n = 0; n + 1 < bounds.length; n++) {
      const all = blocks(bounds[n]!, bounds[n + 1]!, head);
      const largest = all.reduce((most, { spread }) => Math.max(most, spread), 0);
      for (const { first, last, spread } of all) {
        for (let row = first; row < last; row++) {
          for (let col = 0; col < width; col++) {
            const at = (row * heads + head) * width + col;
            unit[at] = (runs ? largest : spread) + Math.abs(expected[at]!) + FLUSHED * size;
          }
        }
      }
    }
  }
  return { expected, unit };
}

interface Block {
  readonly head: number;
  readonly first: number;
  readonly last: number;
  readonly spread: number;
}

/** Returns the root of the mean of the squares of a head in these rows. */
function spreadOf(
  squares: Float64Array,
  { heads, width }: Arrangement,
  head: number,
  [first, last]: readonly [number, number],
): number {
  let sum = 0;
  for (let row = first; row < last; row++)
    for (let col = 0; col < width; col++) sum += squares[(row * heads + head) * width + col]!;
  return Math.sqrt(sum / ((last - first) * width));
}

/** Returns how the gradient of an input lies. */
export function arrangementOf(problem: LayerProblem, name: string): Arrangement {
  const { layer, batch, tokens, valueWidth, sequences } = problem;
  const kind = layer.inputs[name] as Kind | undefined;
  if (kind === undefined) return { heads: 1, width: valueWidth }; // of the initial state
  if (kind === "A" || kind === "D") return { heads: 1, width: headsOf(problem, kind) };
  const own = { heads: headsOf(problem, kind), width: widthOf(problem, kind) };
  const sums = kind === "g" || kind === "gChannel" || (kind === "beta" && layer.name === "ssd");
  if (!sums) return own;
  const perToken = tokens === 0 ? 1 : rowsOf(problem, kind) / tokens;
  const bounds = sequences ?? Array.from({ length: batch + 1 }, (_, b) => b * tokens);
  return { ...own, runs: bounds.map((bound) => bound * perToken) };
}

/**
 * Returns the error that is nearest to its bound, in units of the bound and of the dtype's ε. It is ∞ where something
 * is not finite.
 */
export function omegaOfLayer(got: ArrayLike<number>, { expected, unit }: Judged, dtype: Dtype): number {
  if (got.length !== expected.length) return Infinity;
  let worst = 0;
  for (let at = 0; at < expected.length; at++) {
    const error = Math.abs(got[at]! - expected[at]!);
    if (error === 0) continue;
    const omega = error / (EPS[dtype] * unit[at]!);
    if (!(omega <= worst)) worst = Number.isNaN(omega) ? Infinity : omega;
  }
  return worst;
}
