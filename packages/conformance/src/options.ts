import type { Budget } from "./sizes.js";
import { textOf } from "./text.js";

export interface SuiteOptions {
  /** Random cases of most properties; solve and apply get three times as many. Default: DLRT_CONFORMANCE_CASES, or 30. */
  readonly cases?: number;
  /** Where random cases start. Default: DLRT_CONFORMANCE_SEED, or a new one each time; the report names it. */
  readonly seed?: number;
  /** Largest n, and largest batch. Default 65537; a slow device may ask for less. */
  readonly maxN?: number;
  /** Largest batch·n·r·p of one problem, batch·n² of one inverse. Default 2²⁰. */
  readonly maxWork?: number;
  /** Only cases whose "suite › name" contains one of these are run. Default: all. */
  readonly only?: readonly string[];
  /** Cases whose "suite › name" contains one of these are not run, and the report says so. */
  readonly skip?: readonly string[];
  /**
   * Milliseconds in which `create`, a read, a `dispose` or another step that is waited for has to settle; otherwise its
   * case fails. Default 60 000.
   */
  readonly stepTimeout?: number;
  /** Milliseconds a case may take, passed to the runner. Default 2 · stepTimeout and 1000 more per case. */
  readonly timeout?: number;
}

export interface Plan extends Budget {
  readonly cases: number;
  readonly seed: number;
  readonly only: readonly string[] | undefined;
  readonly skip: readonly string[];
  readonly stepTimeout: number;
  readonly timeout: number;
}

/** The longest that a timer can wait. */
const LONGEST = 2 ** 31 - 1;

/** DLRT_CONFORMANCE_CASES and DLRT_CONFORMANCE_SEED, where there is an environment. @throws Error unless integers ≥ 0 */
function fromEnvironment(name: string): number | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  const text = process?.env?.[`DLRT_CONFORMANCE_${name}`];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new Error(`DLRT_CONFORMANCE_${name}: expected an integer ≥ 0, got ${text}`);
  }
  return value;
}

/** @throws RangeError for a wrong time limit, Error for a wrong environment variable */
export function planOf(options: SuiteOptions): Plan {
  const cases = options.cases ?? fromEnvironment("CASES") ?? 30;
  const { stepTimeout = 60_000 } = options;
  if (!(typeof stepTimeout === "number" && stepTimeout >= 1 && stepTimeout <= LONGEST)) {
    throw new RangeError(`stepTimeout: expected milliseconds from 1 to 2³¹ − 1, got ${textOf(stepTimeout)}`);
  }
  return {
    cases,
    seed: options.seed ?? fromEnvironment("SEED") ?? Math.floor(Math.random() * 2 ** 31),
    maxN: options.maxN ?? 65537,
    maxWork: options.maxWork ?? 2 ** 20,
    only: options.only,
    skip: options.skip ?? [],
    stepTimeout,
    timeout: options.timeout ?? Math.min(2 * stepTimeout + 1000 * cases, LONGEST),
  };
}
