import { LimitError } from "@dlrt/core";
import { asError, type Fault } from "./faults.js";

declare const setTimeout: (call: () => void, milliseconds: number) => unknown;

/**
 * Knows whether the device may be believed, by a test that runs beside the caller's work. The test begins when its verdict is first
 * asked for, which is when there is something to read, or else when the turn of the event loop in which the backend was made is over.
 */
export class Trust {
  #test: (() => Promise<void>) | undefined;
  #verdict: Fault = Promise.resolve(undefined);

  /** @param test rejects where the device may not be believed. Where it is absent, the device always may. */
  constructor(test?: () => Promise<void>) {
    this.#test = test;
    if (test) setTimeout(() => void this.verdict(), 0);
  }

  verdict(): Fault {
    const test = this.#test;
    if (test) {
      this.#test = undefined;
      this.#verdict = test().then(
        () => undefined,
        (thrown: unknown) => {
          const cause = asError(thrown);
          // No memory for the test says nothing of the device: it is tested again for whoever asks next.
          if (cause instanceof LimitError) this.#test = test;
          return cause;
        },
      );
    }
    return this.#verdict;
  }

  /** Resolves once no test is under way, nor will be. */
  async end(): Promise<void> {
    this.#test = undefined;
    await this.#verdict;
    this.#test = undefined; // one without memory is not tried again
  }

  /**
   * Resolves or rejects as `pending` does, where the device passed its test. Otherwise it throws what the test says,
   * whatever `pending` does.
   */
  async vouch<R>(pending: Promise<R>): Promise<R> {
    pending.catch(() => undefined); // the verdict comes first
    const cause = await this.verdict();
    if (cause) throw cause;
    return pending;
  }
}
