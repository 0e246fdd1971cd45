import { asError, firstFault, type Fault } from "./faults.js";

/** What became, or will become, of a piece of work: `good`, a `cause` of failure, or neither as long as it is open. */
export interface Fate {
  readonly good: boolean;
  readonly cause: Error | undefined;
  /** What it is, as of now. */
  verdict(): Fault;
}

/** Of work that the device has been given, or will be at the latest before somebody asks. */
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

/** Of work that is known to have failed. */
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

/** Good when all its parts are; asks them only when it is asked. */
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

/** What is carried out as a whole, or not at all: everything in one submission. */
export class Submission {
  readonly fate: Fate;
  readonly #faults = new Set<Fault>();
  #settle: (fault: Fault) => void = () => undefined;
  /** Whether a tensor's contents depend on it. */
  used = false;

  constructor() {
    this.fate = new Pending(
      new Promise((resolve) => {
        this.#settle = resolve;
      }),
    );
  }

  /** It fails if `fault` turns out to be one; the first added is the cause. */
  add(fault: Fault): void {
    this.#faults.add(fault);
  }

  /** It has been submitted: nothing is added any more. */
  submitted(): void {
    this.#settle(firstFault(this.#faults));
  }
}
