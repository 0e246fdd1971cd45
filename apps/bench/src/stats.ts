import { median, medianAbsoluteDeviation, quantileSorted } from "simple-statistics";
import { Random } from "./workload/random.js";

export interface Timing {
  /** ms */
  readonly median: number;
  /** Median absolute deviation, ms. */
  readonly mad: number;
  /** ms per call, in the order taken. */
  readonly samples: readonly number[];
}

/** How many times as fast as the baseline, and the 95 % interval of that. */
export interface Ratio {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export function summarise(samples: readonly number[]): Timing {
  const all = [...samples];
  return { median: median(all), mad: medianAbsoluteDeviation(all), samples };
}

const RESAMPLES = 1000;

function resampledMedian(samples: readonly number[], random: Random): number {
  return median(samples.map(() => samples[Math.floor(random.uniform() * samples.length)]!));
}

/** median(baseline) / median(samples), with a seeded percentile bootstrap. */
export function ratio(baseline: readonly number[], samples: readonly number[]): Ratio {
  const random = new Random(1);
  const ratios = Array.from(
    { length: RESAMPLES },
    () => resampledMedian(baseline, random) / resampledMedian(samples, random),
  ).sort((a, b) => a - b);
  return {
    value: median([...baseline]) / median([...samples]),
    low: quantileSorted(ratios, 0.025),
    high: quantileSorted(ratios, 0.975),
  };
}
