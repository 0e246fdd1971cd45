import type { SuiteOptions } from "./options.js";
import { StrayError } from "./pulse.js";
import { reportText } from "./report-text.js";
import { titleOf, type Report } from "./report.js";
import { layerCases } from "./layers/suites/index.js";
import { Run, type Create } from "./run.js";
import { allCases } from "./suites/index.js";
import { textOf } from "./text.js";
import type { Case } from "./trial.js";

export type { Create } from "./run.js";

type Outcome = "passed" | "failed" | "not run";

/** What is told while a run goes on. */
export interface Listeners {
  /** Told before each case, and before the shared backend's `dispose`. */
  readonly onStart?: (title: string) => void;
  /** Told after each case. */
  readonly onCase?: ((title: string, outcome: Outcome) => void) | undefined;
}

/** Every case of a run, and its end. @throws the signal's reason, once all is disposed */
export async function runAll(
  run: Run,
  { onStart, onCase }: Listeners,
  signal?: AbortSignalLike,
): Promise<Report> {
  for (const subject of run.cases) {
    if (signal?.aborted) break;
    const title = titleOf(subject);
    onStart?.(title);
    let outcome: Outcome;
    try {
      outcome = (await run.run(subject)) === undefined ? "passed" : "not run";
    } catch {
      outcome = "failed"; // the recorder already has the error
    }
    if (!signal?.aborted) onCase?.(title, outcome);
  }
  onStart?.("run › dispose");
  const report = await run.end();
  if (signal?.aborted) throw signal.reason;
  return report;
}

/**
 * Judges a backend without a test runner. Never rejects for a failure of the backend's: they are in the report, also a
 * step that did not settle within `stepTimeout` and a `dispose` that rejected ("run › dispose"). After a step that did
 * not settle the run goes on with a new backend; after three it gives up, and names what it has not run.
 * @throws RangeError for a wrong `stepTimeout`, TypeError for a `signal` that is none, and the reason of a signal that aborts
 */
export async function runSuites(create: Create, options: RunOptions = {}): Promise<Report> {
  return runCases(create, options, allCases());
}

/** An AbortSignal, as far as a run needs it: not every program declares the type itself. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

export interface RunOptions extends SuiteOptions {
  /** Told after each case. */
  readonly onCase?: ((title: string, outcome: "passed" | "failed" | "not run") => void) | undefined;
  /**
   * Ends the run when it aborts: the case that runs is given up at its next step, the backends are disposed, and the
   * run rejects with the signal's reason. A call that keeps the thread busy returns first.
   */
  readonly signal?: AbortSignalLike | undefined;
}

/**
 * Judges every layer of @dlrt/linear-attention on a backend, as `runSuites` does its kernels: results, final states and gradients against
 * the plain recurrences in float64, exactness, pieces, packed sequences.
 * @throws as `runSuites`
 */
export async function runLayers(create: Create, options: RunOptions = {}): Promise<Report> {
  return runCases(create, options, layerCases());
}

export async function runCases(create: Create, options: RunOptions, cases: readonly Case[]): Promise<Report> {
  const { onCase, signal } = options;
  checkSignal(signal);
  const run = new Run(create, options, undefined, cases);
  const stop = (): void => run.stray(new StrayError("the run was aborted"));
  signal?.addEventListener("abort", stop);
  try {
    return await runAll(run, { onCase }, signal);
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/** @throws TypeError */
function checkSignal(signal: AbortSignalLike | undefined): void {
  const given: Partial<AbortSignalLike> | null | undefined = signal;
  if (given === undefined || typeof given?.addEventListener === "function") return;
  throw new TypeError(`signal: expected an AbortSignal, got ${textOf(signal)}`);
}

/** What vitest passes to a test; other runners may pass nothing. */
interface TestContext {
  skip?: (note?: string) => void;
}

/** vitest's `test`, and whatever has the same shape. */
export type TestFunction = (
  name: string,
  body: (context?: TestContext) => Promise<void>,
  timeout?: number,
) => unknown;

export interface TestBackendOptions extends SuiteOptions {
  readonly test: TestFunction;
  readonly create: Create;
  /** Receives the report after the last case. Default: it is printed. */
  readonly onReport?: (report: Report) => void | Promise<void>;
}

/**
 * Registers every case as a test, and a last one that gives the report and fails if the shared backend cannot be
 * disposed. A step of the backend's that does not settle within `stepTimeout` fails its test.
 * @throws RangeError for a wrong `stepTimeout`
 */
export function testBackend(options: TestBackendOptions): void {
  register(options, allCases());
}

/** Registers every case of every layer of @dlrt/linear-attention, as `testBackend` does those of the kernels. @throws as `testBackend` */
export function testLayers(options: TestBackendOptions): void {
  register(options, layerCases());
}

function register(
  { test, create, onReport = print, ...options }: TestBackendOptions,
  cases: readonly Case[],
): void {
  const run = new Run(create, options, undefined, cases);
  // The seed is printed at once, because a run that dies leaves no report.
  if (run.plan.fresh) console.log(`DLRT_CONFORMANCE_SEED=${run.plan.seed}`);
  for (const subject of run.cases) {
    const body = async (context?: TestContext): Promise<void> => {
      const why = await run.run(subject);
      if (why !== undefined) context?.skip?.(why);
    };
    test(titleOf(subject), body, run.plan.timeout);
  }
  const end = async (): Promise<void> => {
    const report = await run.end();
    await onReport(report);
    const failed = report.failures.find(({ name }) => name.startsWith("run › "));
    if (failed) throw new Error(`${failed.name}: ${failed.message}`);
  };
  test("report", end, run.plan.timeout);
}

/** There in every runtime, but not in the language's own library. */
declare const console: { log(text: string): void };

function print(report: Report): void {
  console.log(reportText(report));
}
