import { linearRegression, mean, sum } from "simple-statistics";

export interface Fit {
  /** The e of time ~ nᵉ. */
  readonly exponent: number;
  /** Its standard error. */
  readonly error: number;
}

/** The fewest sizes that are fitted: any two sizes lie on a line. */
export const FIT_SIZES = 3;

/** Least squares of log time on log n. @throws Error with fewer than three sizes */
export function fitExponent(points: readonly (readonly [n: number, ms: number])[]): Fit {
  if (new Set(points.map(([n]) => n)).size < FIT_SIZES) throw new Error("an exponent needs three sizes");
  const logs = points.map(([n, ms]) => [Math.log(n), Math.log(ms)]);
  const { m: exponent, b } = linearRegression(logs);
  const middle = mean(logs.map(([x]) => x!));
  const residuals = sum(logs.map(([x, y]) => (y! - exponent * x! - b) ** 2));
  const spread = sum(logs.map(([x]) => (x! - middle) ** 2));
  return { exponent, error: Math.sqrt(residuals / (points.length - 2) / spread) };
}
