import { asError, firstFault, type Fault } from "./faults.js";

/**
 * What became, or will become, of a piece of work. It is `good`, or has a `cause` of failure, or neither as long as
 * that is open.
 */
export interface Fate {
  readonly good: boolean;
  readonly cause: Error | undefined;
  /** Resolves to the fault, or to its absence, as far as work has gone now. */
  verdict(): Fault;
}

/** The fate of work that the device has been given, or will have been given by the time somebody asks. */
export class Pending implements Fate {
  readonly #verdict: Fault;
  good = false;
  cause: Error | undefined;

  constructor(verdict: Fault) {
    this.#verdict = verdict.then((cause) => {
      this.good = cause === undefined;
      this.cause = cause;
      return cause;
    });
  }

  verdict(): Fault {
    return this.#verdict;
  }
}

/** The fate of work that is known to have failed. */
export class Failed implements Fate {
  readonly good = false;
  readonly cause: Error;

  constructor(thrown: unknown) {
    this.cause = asError(thrown);
  }

  verdict(): Fault {
    return Promise.resolve(this.cause);
  }
}

/** The fate of several parts together: it is good when all of them are. The parts are asked only when this is asked. */
export class Joint implements Fate {
  #parts: readonly Fate[];

  constructor(parts: readonly Fate[]) {
    this.#parts = parts;
  }

  get good(): boolean {
    this.#parts = this.#parts.filter((part) => !part.good);
    return this.#parts.length === 0;
  }

  get cause(): Error | undefined {
    return this.#parts.find((part) => part.cause !== undefined)?.cause;
  }

  verdict(): Fault {
    return firstFault(this.#parts.map((part) => part.verdict()));
  }
}

/** All the work of one submission, which is carried out as a whole or not at all. */
export class Submission {
  readonly fate: Fate;
  readonly #faults = new Set<Fault>();
  #settle: (fault: Fault) => void = () => undefined;
  /** Whether the contents of some tensor depend on it. */
  used = false;

  constructor() {
    this.fate = new Pending(
      new Promise((resolve) => {
        this.#settle = resolve;
      }),
    );
  }

  /** Makes the submission fail if `fault` turns out to be one. Where several do, the one added first is the cause. */
  add(fault: Fault): void {
    this.#faults.add(fault);
  }

  /** Says that the work has been submitted, so that no fault is added any more. */
  submitted(): void {
    this.#settle(firstFault(this.#faults));
  }
}
