import type { Backend } from "@dlrt/core";
import { planOf, type Plan, type SuiteOptions } from "./options.js";
import { Recorder, reportText, SKIPPED, titleOf, type Report } from "./report.js";
import { allCases } from "./suites/index.js";
import { Trial, type Case } from "./trial.js";

/** Makes the backend to be judged. Called more than once: some cases need one of their own. */
export type Create = () => Backend | Promise<Backend>;

/** The cases of a run in order, and the backend they share. */
class Run {
  readonly plan: Plan;
  readonly recorder: Recorder = new Recorder();
  readonly cases: readonly Case[];
  readonly #create: Create;
  #shared: Promise<Backend> | undefined;

  constructor(create: Create, options: SuiteOptions) {
    this.#create = create;
    this.plan = planOf(options);
    const { only } = this.plan;
    this.cases = allCases().filter(
      (subject) => only === undefined || only.some((part) => titleOf(subject).includes(part)),
    );
  }

  /** @returns why it was not run, where it was not. @throws what the case throws */
  async run(subject: Case): Promise<string | undefined> {
    const backend = await this.#backend();
    const why = whyNot(subject, backend, this.plan);
    if (why !== undefined) {
      this.recorder.skip(subject, why);
      return why;
    }
    const create = async (): Promise<Backend> => this.#create();
    try {
      await subject.run(new Trial(subject, backend, create, this.plan, this.recorder));
    } catch (error) {
      this.recorder.fail(subject, error);
      throw error;
    }
    this.recorder.pass();
    return undefined;
  }

  /** Disposes the shared backend. */
  async end(): Promise<Report> {
    const backend = await this.#backend();
    const report = this.recorder.report(backend, this.plan.seed);
    await backend.dispose();
    return report;
  }

  #backend(): Promise<Backend> {
    this.#shared ??= Promise.resolve(this.#create());
    return this.#shared;
  }
}

function whyNot(subject: Case, { supports }: Backend, plan: Plan): string | undefined {
  const { dtype, dtypes = [], kernels = [] } = subject;
  if (plan.skip.some((part) => titleOf(subject).includes(part))) return SKIPPED;
  const absent = (dtype ? [dtype, ...dtypes] : dtypes).filter((one) => !supports.dtypes.includes(one));
  if (absent.length > 0) return `no ${absent.join(", ")}`;
  const missing = kernels.filter((kernel) => supports.missing?.includes(kernel));
  return missing.length > 0 ? `no kernel ${missing.join(", ")}` : undefined;
}

/**
 * Judges a backend without a test runner. Never rejects for a failure of the backend's: they are in the report.
 */
export async function runSuites(
  create: Create,
  options: SuiteOptions & {
    /** Told after each case. */
    readonly onCase?: (title: string, outcome: "passed" | "failed" | "not run") => void;
  } = {},
): Promise<Report> {
  const run = new Run(create, options);
  for (const subject of run.cases) {
    let outcome: "passed" | "failed" | "not run";
    try {
      outcome = (await run.run(subject)) === undefined ? "passed" : "not run";
    } catch {
      outcome = "failed"; // the recorder has the error
    }
    options.onCase?.(titleOf(subject), outcome);
  }
  return run.end();
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

/** Registers every case as a test, and a last one that gives the report. */
export function testBackend({ test, create, onReport = print, ...options }: TestBackendOptions): void {
  const run = new Run(create, options);
  // At once: a run that dies leaves no report.
  if (run.plan.fresh) console.log(`DLRT_CONFORMANCE_SEED=${run.plan.seed}`);
  for (const subject of run.cases) {
    const body = async (context?: TestContext): Promise<void> => {
      const why = await run.run(subject);
      if (why !== undefined) context?.skip?.(why);
    };
    test(titleOf(subject), body, run.plan.timeout);
  }
  test("report", async () => onReport(await run.end()), run.plan.timeout);
}

/** There in every runtime, but not in the language's own library. */
declare const console: { log(text: string): void };

function print(report: Report): void {
  console.log(reportText(report));
}
