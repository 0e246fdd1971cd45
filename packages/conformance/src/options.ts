import type { Budget } from "./sizes.js";
import { textOf } from "./text.js";

export interface SuiteOptions {
  /** Random cases of most properties; solve and apply get three times as many. Default: DLRT_CONFORMANCE_CASES, or 30. */
  readonly cases?: number | undefined;
  /**
   * Where random cases start. "fresh" draws a new one, which `testBackend` prints at once and the report names.
   * Default: DLRT_CONFORMANCE_SEED, a number or "fresh", or 1: the same cases in every run.
   */
  readonly seed?: number | "fresh" | undefined;
  /** Largest n, and largest batch. Default 65537; a slow device may ask for less. */
  readonly maxN?: number | undefined;
  /** Largest batch·n·r·p of one problem, batch·n² of one inverse. Default 2²¹. */
  readonly maxWork?: number | undefined;
  /** Only cases whose "suite › name" contains one of these are run. Default: all. */
  readonly only?: readonly string[] | undefined;
  /** Cases whose "suite › name" contains one of these are not run, and the report says so. */
  readonly skip?: readonly string[] | undefined;
  /**
   * Milliseconds in which `create`, a read, a `dispose` or another step that is waited for has to settle; otherwise its
   * case fails. Default 60 000.
   */
  readonly stepTimeout?: number | undefined;
  /** Milliseconds a case may take, passed to the runner. Default 2 · stepTimeout and 1000 more per case. */
  readonly timeout?: number | undefined;
}

export interface Plan extends Budget {
  readonly cases: number;
  readonly seed: number;
  /** Whether the seed was drawn for this run. */
  readonly fresh: boolean;
  readonly only: readonly string[] | undefined;
  readonly skip: readonly string[];
  readonly stepTimeout: number;
  readonly timeout: number;
}

/** The longest time in milliseconds that a timer can wait. */
const LONGEST = 2 ** 31 - 1;

/** The seed of a run that names none, so that whoever runs the tests twice gets the same verdict. */
const DEFAULT_SEED = 1;

/** DLRT_CONFORMANCE_CASES and DLRT_CONFORMANCE_SEED, where there is an environment. */
function fromEnvironment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return process?.env?.[`DLRT_CONFORMANCE_${name}`] || undefined;
}

/** @throws Error unless an integer ≥ 0 */
function integerFrom(name: string): number | undefined {
  const text = fromEnvironment(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new Error(`DLRT_CONFORMANCE_${name}: expected an integer ≥ 0, got ${text}`);
  }
  return value;
}

/** @throws RangeError for a wrong time limit, Error for a wrong environment variable */
export function planOf(options: SuiteOptions): Plan {
  const cases = options.cases ?? integerFrom("CASES") ?? 30;
  const fresh = (options.seed ?? fromEnvironment("SEED")) === "fresh";
  const seed = fresh ? Math.floor(Math.random() * 2 ** 31) : (options.seed ?? integerFrom("SEED"));
  const { stepTimeout = 60_000 } = options;
  if (!(typeof stepTimeout === "number" && stepTimeout >= 1 && stepTimeout <= LONGEST)) {
    throw new RangeError(`stepTimeout: expected milliseconds from 1 to 2³¹ − 1, got ${textOf(stepTimeout)}`);
  }
  return {
    cases,
    seed: typeof seed === "number" ? seed : DEFAULT_SEED,
    fresh,
    maxN: options.maxN ?? 65537,
    maxWork: options.maxWork ?? 2 ** 21,
    only: options.only,
    skip: options.skip ?? [],
    stepTimeout,
    timeout: options.timeout ?? Math.min(2 * stepTimeout + 1000 * cases, LONGEST),
  };
}
