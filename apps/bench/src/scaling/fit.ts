import { linearRegression, mean, sum } from "simple-statistics";

export interface Fit {
  /** e of time ~ nᵉ. */
  readonly exponent: number;
  /** Its standard error; absent with fewer than three sizes. */
  readonly error?: number;
}

/** Least squares of log time on log n. @throws Error with fewer than two sizes */
export function fitExponent(points: readonly (readonly [n: number, ms: number])[]): Fit {
  if (new Set(points.map(([n]) => n)).size < 2) throw new Error("an exponent needs two sizes");
  const logs = points.map(([n, ms]) => [Math.log(n), Math.log(ms)]);
  const { m: exponent, b } = linearRegression(logs);
  if (points.length < 3) return { exponent };
  const middle = mean(logs.map(([x]) => x!));
  const residuals = sum(logs.map(([x, y]) => (y! - exponent * x! - b) ** 2));
  const spread = sum(logs.map(([x]) => (x! - middle) ** 2));
  return { exponent, error: Math.sqrt(residuals / (points.length - 2) / spread) };
}
