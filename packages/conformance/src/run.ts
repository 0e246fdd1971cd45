import type { Backend } from "@dlrt/core";
import { planOf, type Plan, type SuiteOptions } from "./options.js";
import { HungError, Pulse, StrayError, turn } from "./pulse.js";
import { Recorder } from "./recorder.js";
import { SKIPPED, titleOf, type Report } from "./report.js";
import { allCases } from "./suites/index.js";
import { LackError, Trial, type Case } from "./trial.js";

/** Makes the backend to be judged. Called more than once: some cases need one of their own. */
export type Create = () => Backend | Promise<Backend>;

/** After so many steps that did not settle, or backends that were not made, the run waits for no more. */
const MOST_LOST = 3;

/** Disposes a backend that nobody waits for, whenever it comes. */
function abandon(backend: Promise<Backend> | undefined): void {
  backend?.then((made) => made.dispose()).catch(() => {});
}

/** The cases of a run in order, and the backend they share. */
export class Run {
  readonly plan: Plan;
  readonly recorder: Recorder = new Recorder();
  readonly cases: readonly Case[];
  readonly #create: Create;
  readonly #onBeat: (() => void) | undefined;
  #shared: Promise<Backend> | undefined;
  /** The last shared backend, for the report. */
  #made: Backend | undefined;
  #pulse: Pulse | undefined;
  #lost = 0;

  /** @param onBeat told at every sign of life, many times a second @param cases Default: those of a backend's kernels */
  constructor(
    create: Create,
    options: SuiteOptions,
    onBeat?: () => void,
    cases: readonly Case[] = allCases(),
  ) {
    this.#create = create;
    this.#onBeat = onBeat;
    this.plan = planOf(options);
    const { only } = this.plan;
    this.cases = cases.filter(
      (subject) => only === undefined || only.some((part) => titleOf(subject).includes(part)),
    );
  }

  /** @returns why it was not run, where it was not. @throws what the case throws, HungError among them */
  async run(subject: Case): Promise<string | undefined> {
    try {
      const why = this.#whyNot(subject) ?? (await this.#judge(subject));
      if (why === undefined) this.recorder.pass();
      else this.recorder.skip(subject, why);
      return why;
    } catch (error) {
      this.recorder.fail(subject, error);
      throw error;
    }
  }

  /** An error that reached nobody, as an unhandled rejection: it fails the case that runs, or else the run. */
  stray(error: StrayError): void {
    if (this.#pulse) this.#pulse.stop(error);
    else this.recorder.failStep("between the cases", error);
  }

  /** What is known by now. */
  report(): Report {
    return this.recorder.report(this.#made, this.plan.seed);
  }

  /** Disposes the shared backend; a failure of that is in the report. */
  async end(): Promise<Report> {
    const shared = this.#shared;
    const { backend } = this.report(); // the backend is asked for its name while it lives
    this.#shared = undefined;
    try {
      if (shared) await this.#watch("dispose", async () => (await shared).dispose());
    } catch (error) {
      this.recorder.failStep("dispose", error);
    }
    return { ...this.report(), backend };
  }

  #whyNot(subject: Case): string | undefined {
    if (this.plan.skip.some((part) => titleOf(subject).includes(part))) return SKIPPED;
    if (this.#lost < MOST_LOST) return undefined;
    return `given up after ${MOST_LOST} steps of the backend's that failed or did not settle`;
  }

  /** @returns what the backend lacks for it */
  async #judge(subject: Case): Promise<string | undefined> {
    const backend = await this.#backend();
    const lack = lackFor(subject, backend);
    if (lack !== undefined) return lack;
    const own: Promise<Backend>[] = [];
    try {
      await this.#watch("the case", async (pulse) => {
        const create = (): Promise<Backend> => {
          const made = pulse.step("create", this.#create);
          own.push(made);
          return made;
        };
        await subject.run(new Trial(subject, backend, create, this.plan, this.recorder, pulse));
      });
    } catch (error) {
      if (error instanceof LackError) return error.message;
      if (error instanceof HungError) this.#lost++;
      if (error instanceof HungError || error instanceof StrayError) {
        for (const one of [this.#shared, ...own]) abandon(one);
        this.#shared = undefined;
      }
      throw error;
    }
    return undefined;
  }

  /** The shared backend: made at the first call, and again after it was lost. */
  async #backend(): Promise<Backend> {
    const shared = (this.#shared ??= (async () => this.#create())());
    try {
      return (this.#made = await this.#watch("create", () => shared));
    } catch (error) {
      this.#lost++;
      abandon(shared);
      this.#shared = undefined;
      throw error;
    }
  }

  /**
   * Runs the work and one more turn of the event loop, so that a rejection that the work left unhandled is blamed on it
   * and not on the next case.
   */
  async #watch<R>(name: string, work: (pulse: Pulse) => Promise<R>): Promise<R> {
    const pulse = new Pulse(this.plan.stepTimeout, this.#onBeat);
    this.#pulse = pulse;
    try {
      return await pulse.watch(name, async () => {
        const result = await work(pulse);
        await turn();
        return result;
      });
    } catch (error) {
      await turn();
      throw error;
    } finally {
      this.#pulse = undefined;
    }
  }
}

function lackFor(
  { dtype, dtypes = [], kernels = [], decay }: Case,
  { supports }: Backend,
): string | undefined {
  const absent = (dtype ? [dtype, ...dtypes] : dtypes).filter((one) => !supports.dtypes.includes(one));
  if (absent.length > 0) return `no ${absent.join(", ")}`;
  const { decay: able = "none" } = supports;
  if (decay !== undefined && (able === "none" || (able === "row" && decay === "channel"))) {
    return `no decay per ${decay}`;
  }
  const missing = kernels.filter((kernel) => supports.missing?.includes(kernel));
  return missing.length > 0 ? `no kernel ${missing.join(", ")}` : undefined;
}
