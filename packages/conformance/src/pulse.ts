/** Ends the wait for something that never settles. */
import { textOf } from "./text.js";

/** Every runtime has this, but the language's own library does not declare it. */
declare const setTimeout: (call: () => void, milliseconds: number) => unknown;
declare const clearTimeout: (timer: unknown) => void;

/** A step of the backend did not settle in its time. */
export class HungError extends Error {
  override readonly name = "HungError";
}

/** An error that nobody caught, while a case ran. */
export class StrayError extends Error {
  override readonly name = "StrayError";
}

/**
 * A limit is cut into so many ticks, and a stretch of time in which the thread is busy counts as one at most, so that
 * no backend is blamed for the judge's own work.
 */
const TICKS = 8;

/** One turn of the event loop: rejections that nobody handles have been reported after it. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Watches one piece of work, which is over when nothing has begun or settled in it for `limit` milliseconds. */
export class Pulse {
  readonly #open = new Set<{ readonly name: string }>();
  readonly #limit: number;
  readonly #onBeat: () => void;
  #still = 0;
  #over: Error | undefined;
  #reject: ((error: Error) => void) | undefined;

  /** @param onBeat told at every sign of life, many times a second */
  constructor(limit: number, onBeat: () => void = () => {}) {
    this.#limit = limit;
    this.#onBeat = onBeat;
  }

  /** A sign of life. @throws Error once the work was given up, so that what is left of it ends */
  beat(): void {
    if (this.#over) throw this.#over;
    this.#still = 0;
    this.#onBeat();
  }

  /** Something that has to settle, and its name for the message if it does not. */
  async step<R>(name: string, call: () => R | PromiseLike<R>): Promise<R> {
    this.beat();
    const one = { name };
    this.#open.add(one);
    try {
      return await call();
    } finally {
      this.#open.delete(one);
      this.#still = 0;
    }
  }

  /** Gives the work up: `watch` rejects with the error. */
  stop(error: Error): void {
    this.#over ??= error;
    this.#reject?.(this.#over);
  }

  /** @throws HungError "`name` did not settle within 60 s", where a step is open under the step's name */
  async watch<R>(name: string, work: () => R | Promise<R>): Promise<R> {
    const stopped = new Promise<never>((_, reject) => (this.#reject = reject));
    let timer: unknown;
    const wait = (): void => {
      timer = setTimeout(() => {
        this.#onBeat();
        if (++this.#still <= TICKS) return wait();
        const [step] = this.#open;
        const seconds = this.#limit / 1000;
        this.stop(new HungError(`${textOf(step?.name ?? name)} did not settle within ${seconds} s`));
      }, this.#limit / TICKS);
    };
    wait();
    try {
      return await Promise.race([stopped, (async () => work())()]);
    } finally {
      clearTimeout(timer);
    }
  }
}
