import type { Budget } from "./sizes.js";

export interface SuiteOptions {
  /** Random cases per property; there are about 30 properties per dtype… see the README. Default 20. */
  readonly cases?: number;
  /** Where random cases start. Default: a new one each time, printed in the report and in failures. */
  readonly seed?: number;
  /** Largest n. Default 65537; a slow device may ask for less. */
  readonly maxN?: number;
  /** Largest batch·n·r·p of one case. Default 2²⁰. */
  readonly maxWork?: number;
  /** Cases whose "suite › name" contains one of these are not run, and the report says so. */
  readonly skip?: readonly string[];
  /** Milliseconds a case may take, passed to the runner. Default 120 000. */
  readonly timeout?: number;
}

export interface Plan extends Budget {
  readonly cases: number;
  readonly seed: number;
  readonly skip: readonly string[];
  readonly timeout: number;
}

export function planOf(options: SuiteOptions): Plan {
  return {
    cases: options.cases ?? 20,
    seed: options.seed ?? Math.floor(Math.random() * 2 ** 31),
    maxN: options.maxN ?? 65537,
    maxWork: options.maxWork ?? 2 ** 20,
    skip: options.skip ?? [],
    timeout: options.timeout ?? 120_000,
  };
}
