import { registerPeaks, type Peaks, type Row } from "@dlrt/bench/harness";

/** The peaks are timed in bursts of under a millisecond, for which only an isolated page has the clock. */
const fineClock = (): boolean =>
  (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true;

export const peaks = (): Peaks => registerPeaks(fineClock());

/** Without the shares of a peak where its time could not be taken well. */
export const withTrustedShares = (rows: readonly Row[]): Row[] =>
  rows.map((row) => {
    if (fineClock()) return row;
    const { ofJsPeak: _, ofCeiling: __, ofCeilingWithChunk: ___, ...kept } = row;
    return kept;
  });
