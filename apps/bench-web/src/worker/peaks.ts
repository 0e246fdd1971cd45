import { jsRegisterPeak } from "@dlrt/bench/dist/peak-js.js";
import { wasmRegisterPeak } from "@dlrt/bench/dist/peak-wasm.js";
import type { Peaks, Row } from "@dlrt/bench/dist/report.js";

/** The peaks are timed in bursts of under a millisecond, for which only an isolated page has the clock. */
const fineClock = (): boolean =>
  (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true;

export function peaks(): Peaks {
  const wasm = (dtype: "f32" | "f64"): number | null =>
    fineClock() ? (wasmRegisterPeak(dtype) ?? null) : null;
  return { js: jsRegisterPeak(), wasm: { f32: wasm("f32"), f64: wasm("f64") } };
}

/** Without the shares of a peak where its time could not be taken well. */
export function withTrustedShares(rows: readonly Row[]): Row[] {
  if (fineClock()) return [...rows];
  return rows.map((row) => {
    const kept: { -readonly [Key in keyof Row]: Row[Key] } = { ...row };
    delete kept.ofJsPeak;
    delete kept.ofCeiling;
    return kept;
  });
}
