import { gates, type Gates } from "./decay.js";
import { uniformFrom } from "../../../../tooling/random.mjs";
import type { DeltaProblem } from "./delta-rule.js";

/** What a problem of the delta rule is to have. */
export interface Wanted {
  readonly shape: DeltaProblem["shape"];
  readonly decay?: "row" | "channel" | undefined;
  /** The gaps of the decay. Default: those with resets. */
  readonly gate?: Gates;
  /** Whether erasing and writing are gated by one number a channel each, and not by one β a row. */
  readonly gated?: boolean;
  /** Whether the erase key is one of its own. */
  readonly own?: boolean;
  /** Keys and queries are normalised with it. Keys are short without it, so that T⁻¹ is bounded either way. */
  readonly eps?: number | undefined;
}

/**
 * The largest error allowed where T⁻¹ is bounded, in ε of the largest number there is: what the roundings of r products, of the norms
 * and of a chunk's sums come to.
 */
export const DELTA_LIMIT = 12;

/** The generator of a problem's numbers, the same every time for the same sizes. */
export const numbersOf = ({ batch, n, r, p }: DeltaProblem["shape"]): (() => number) =>
  uniformFrom(batch + n + r + p);

export function deltaProblem(of: Wanted, next: () => number = numbersOf(of.shape)): DeltaProblem {
  const { shape, decay, gate = gates["resets"]!, gated = false, own = false, eps } = of;
  const { batch, n, r, p } = shape;
  const fill = (count: number, scale = 1): Float32Array =>
    Float32Array.from({ length: batch * count }, () => scale * (2 * next() - 1));
  const length = eps === undefined ? 1 / Math.sqrt(r) : 5;
  const channels = decay === "row" ? 1 : r;
  return {
    ...{ shape, eps, scale: 0.3 },
    query: fill(n * r),
    key: fill(n * r, length),
    value: fill(n * p),
    erase: fill(n * (gated ? r : 1)).map(Math.abs),
    eraseKey: own ? fill(n * r, length) : undefined,
    write: gated ? fill(n * p) : undefined,
    decay:
      decay &&
      Float32Array.from({ length: batch * n * channels }, (_, at) =>
        gate(next, Math.floor(at / channels) % n, at % channels),
      ),
    initialState: fill(r * p),
  };
}
