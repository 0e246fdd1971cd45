import type { Ratio, Timing } from "@dlrt/bench/dist/stats.js";

/** Three figures, without an exponent up to 10⁶. */
export function figures(value: number): string {
  if (!Number.isFinite(value)) return "∞";
  if (value !== 0 && (value >= 1e6 || value < 1e-3)) return value.toExponential(1).replace("e+", "e");
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value.toLocaleString("en", { maximumSignificantDigits: 3 });
}

/** "4,096 tokens", "1 head" */
export const counted = (count: number, one: string): string =>
  `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;

/** The deviation no finer than the median's last figure. */
export function time({ median, mad }: Timing): string {
  const decimals = Math.min(20, Math.max(0, 2 - Math.floor(Math.log10(median))));
  return `${figures(median)} ± ${figures(Number(mad.toFixed(decimals)))} ms`;
}

/** "1.9–2.3", the 95 % interval of a ratio; "" where there are too few samples. */
export const interval = ({ low, high }: Ratio): string =>
  low === undefined || high === undefined ? "" : `${figures(low)}–${figures(high)}`;

/** ω or the inverse's componentwise error; null stands for what is not finite. */
export function epsilons(value: number | null): string {
  return `${value === null ? "∞" : figures(value)} ε`;
}
