import { expect } from "vitest";
import { errorsOf, reversed, type Cotangents, type Name } from "./delta-gradients.js";
import { deltaProblem, numbersOf, type Wanted } from "./delta-problem.js";
import type { DeltaProblem } from "./delta-rule.js";

export interface GivenBack {
  readonly of: DeltaProblem;
  readonly cotangents: Cotangents;
}

/** A problem with cotangents of its output and of its final state. */
export function problemBack(wanted: Omit<Wanted, "own">): GivenBack {
  const { batch, n, r, p } = wanted.shape;
  const next = numbersOf(wanted.shape);
  const of = deltaProblem(wanted, next);
  const fill = (count: number): Float32Array =>
    Float32Array.from({ length: batch * count }, () => 2 * next() - 1);
  return { of, cotangents: { out: fill(n * p), state: fill(r * p) } };
}

/** The largest error allowed, in ε of the largest number of a gradient. Errors below 8 have been seen. */
const LIMIT = 12;

/** Expects gradients close to those by the reverse of the recurrence in float64. */
export function expectClose(got: Partial<Record<Name, Float32Array>>, { of, cotangents }: GivenBack): void {
  for (const [name, error] of Object.entries(errorsOf(got, reversed(of, cotangents))))
    expect(error, name).toBeLessThanOrEqual(LIMIT);
}
