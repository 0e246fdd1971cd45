import { ValueError } from "@dlrt/core";
import { asError, firstFault, type Fault } from "./faults.js";
import type { Fate } from "./fates.js";

/** The one thing that a recording needs of the stream. */
export interface MarkReader {
  /** Resolves to whether the mark was set by what has been submitted until now. */
  (mark: GPUBuffer): Promise<boolean>;
}

/**
 * The fate of what was recorded into a caller's encoder. Only the caller knows whether and how that was submitted,
 * so the last command recorded sets a mark on the device, and whoever asks looks at the mark.
 */
export class Recorded implements Fate {
  readonly #read: MarkReader;
  readonly #faults = new Set<Fault>();
  #final: Fault | undefined;
  good = false;
  cause: Error | undefined;
  /** Whether the contents of some tensor depend on it. */
  used = false;
  /** The mark that the encoder sets. It is absent as long as the callback runs. */
  mark: GPUBuffer | undefined;

  constructor(read: MarkReader) {
    this.#read = read;
  }

  get fate(): Fate {
    return this;
  }

  add(fault: Fault): void {
    this.#faults.add(fault);
  }

  verdict(): Fault {
    return this.#final ?? this.#look();
  }

  /** Ends the recording: the caller has submitted it or never will, and its fate stays as it is now. */
  close(): Fault {
    this.#final ??= this.#look().then((cause) => {
      this.cause = cause;
      return cause;
    });
    return this.#final;
  }

  /** Says that the callback threw, so that what it had recorded by then is not to be used. */
  fail(thrown: unknown): void {
    this.cause = asError(thrown);
    this.#final = Promise.resolve(this.cause);
  }

  /**
   * Looks at the mark, in the order of the queue, so that work that is submitted later is not taken for work submitted
   * before.
   */
  async #look(): Fault {
    const looking = this.#ran();
    const fault = await firstFault([...this.#faults, looking]);
    if (fault === undefined) this.good = true;
    return fault;
  }

  async #ran(): Fault {
    try {
      if (this.good || (this.mark && (await this.#read(this.mark)))) return undefined;
    } catch (error) {
      return asError(error);
    }
    return new ValueError(
      "encoder",
      "one that was finished and submitted without an error before results of what was recorded are used",
      "none yet",
    );
  }
}
