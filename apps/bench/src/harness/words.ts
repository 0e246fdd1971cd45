import type { DecayKind } from "@dlrt/core";

/** Returns that many significant figures, with an exponent below 0.001 and from a million on. */
export function figures(x: number, digits = 3): string {
  if (x !== 0 && (Math.abs(x) >= 1e6 || Math.abs(x) < 1e-3)) return x.toExponential(digits - 1);
  return Math.abs(x) >= 10 ** digits ? x.toFixed(0) : x.toPrecision(digits);
}

/** "1 head", "8 heads" */
export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;

/** "decay by row" in titles and names of cases; "" without decay, and for reports made before it was recorded. */
export function decayWords({ decay = "none" }: { readonly decay?: DecayKind }): string {
  return decay === "none" ? "" : `decay by ${decay}`;
}

/** Returns the message of what was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
