import type { Ratio, Timing } from "@dlrt/bench/harness";

/**
 * Six figures, as a link carries them: more than any clock has, and fewer than a double's letters. All that is shown is
 * rounded from these, so that the link's page shows the same where a number lies between two figures.
 */
export const short = (value: number): number => Number(value.toPrecision(6));

/** Three figures, without an exponent up to 10⁶. */
export function figures(exact: number): string {
  if (!Number.isFinite(exact)) return "∞";
  const value = short(exact);
  if (value !== 0 && (value >= 1e6 || value < 1e-3)) return value.toExponential(1).replace("e+", "e");
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value.toLocaleString("en", { maximumSignificantDigits: 3 });
}

/** "4,096 tokens", "1 head" */
export const counted = (count: number, one: string): string =>
  `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;

/** The deviation no finer than the median's last figure. */
export function time({ median, mad }: Timing): string {
  const decimals = Math.min(20, Math.max(0, 2 - Math.floor(Math.log10(short(median)))));
  return `${figures(median)} ± ${figures(Number(short(mad).toFixed(decimals)))} ms`;
}

/** "1.9–2.3", the 95 % interval of a ratio; "" where there are too few samples. */
export const interval = ({ low, high }: Ratio): string =>
  low === undefined || high === undefined ? "" : `${figures(low)}–${figures(high)}`;

/** ω or the inverse's componentwise error; null stands for what is not finite. */
export function epsilons(value: number | null): string {
  return `${value === null ? "∞" : figures(value)} ε`;
}
