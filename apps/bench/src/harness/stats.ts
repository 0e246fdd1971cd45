import { median, medianAbsoluteDeviation, quantileSorted } from "simple-statistics";
import { Random } from "./workload/random.js";

export interface Timing {
  /** In ms. */
  readonly median: number;
  /** Median absolute deviation, ms. */
  readonly mad: number;
  /** The ms of a call by each sample, in the order taken. */
  readonly samples: readonly number[];
}

/** How many times as fast as the baseline, and the 95 % interval of that, where there are samples enough to tell. */
export interface Ratio {
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

export function summarise(samples: readonly number[]): Timing {
  const all = [...samples];
  return { median: median(all), mad: medianAbsoluteDeviation(all), samples };
}

const RESAMPLES = 1000;
const ENOUGH = 3;

function resampledMedian(samples: readonly number[], random: Random): number {
  return median(samples.map(() => samples[Math.floor(random.uniform() * samples.length)]!));
}

/** Product of the medians of `above` over that of `below`, with a seeded percentile bootstrap. */
export function ratioOf(above: readonly (readonly number[])[], below: readonly (readonly number[])[]): Ratio {
  const of = (middle: (samples: readonly number[]) => number): number => {
    const product = (all: readonly (readonly number[])[]): number =>
      all.reduce((x, one) => x * middle(one), 1);
    return product(above) / product(below);
  };
  const value = of((samples) => median([...samples]));
  if ([...above, ...below].some(({ length }) => length < ENOUGH)) return { value };
  const random = new Random(1);
  const ratios = Array.from({ length: RESAMPLES }, () => of((samples) => resampledMedian(samples, random)));
  ratios.sort((a, b) => a - b);
  return { value, low: quantileSorted(ratios, 0.025), high: quantileSorted(ratios, 0.975) };
}

/** median(baseline) / median(samples) */
export function ratio(baseline: readonly number[], samples: readonly number[]): Ratio {
  return ratioOf([baseline], [samples]);
}
