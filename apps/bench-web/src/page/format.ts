import type { Ratio, Timing } from "@dlrt/bench/dist/stats.js";

/** Three figures, without an exponent up to 10⁶. */
export function figures(value: number): string {
  if (!Number.isFinite(value)) return "∞";
  if (value !== 0 && (value >= 1e6 || value < 1e-3)) return value.toExponential(1).replace("e+", "e");
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value.toLocaleString("en", { maximumSignificantDigits: 3 });
}

/** The deviation no finer than the median's last figure. */
export function time({ median, mad }: Timing): string {
  const decimals = Math.min(20, Math.max(0, 2 - Math.floor(Math.log10(median))));
  return `${figures(median)} ± ${figures(Number(mad.toFixed(decimals)))} ms`;
}

/** "2.1× (1.9–2.3)" */
export function ratio({ value, low, high }: Ratio): string {
  const interval = low === undefined || high === undefined ? "" : ` (${figures(low)}–${figures(high)})`;
  return `${figures(value)}×${interval}`;
}

/** ω or the inverse's componentwise error; null stands for what is not finite. */
export function epsilons(value: number | null): string {
  return `${value === null ? "∞" : figures(value)} ε`;
}
