import type { Fate } from "./fates.js";

/**
 * Knows what `sync` has to tell: the faults of all work enqueued before it, except those that an earlier `sync` has
 * told.
 */
export class Untold {
  readonly #fates = new Set<Fate>();
  #first: Fate | undefined;
  #telling = 0;

  add(fate: Fate): void {
    this.#fates.add(fate);
    void fate.verdict().then((cause) => {
      // Only the first fault is told, so that no more than that one is kept where nobody ever asks.
      if (cause === undefined || (this.#first && this.#telling === 0)) this.#fates.delete(fate);
      else this.#first ??= fate;
    });
  }

  /** Throws the first fault. Calls that ask meanwhile are told the same fault; calls that ask afterwards are not. */
  async tell(): Promise<void> {
    const fates = [...this.#fates];
    this.#telling += 1;
    const causes = await Promise.all(fates.map((fate) => fate.verdict()));
    this.#telling -= 1;
    for (const fate of fates) this.#fates.delete(fate);
    if (this.#first && !this.#fates.has(this.#first)) this.#first = undefined;
    const cause = causes.find((one) => one !== undefined);
    if (cause) throw cause;
  }
}
