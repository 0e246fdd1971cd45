import { DeviceLostError } from "@dlrt/core";
import { startHelper, type Helper } from "./helper.js";
import type { Exports } from "./instantiate.js";
import { JOB_ADDRESS, word } from "./job.js";

/** How long helpers may go on after this thread's share is done: 10 s, or 20 times as long as that share took. */
const PATIENCE_MS = 10_000;
const PATIENCE_FACTOR = 20;
/** How many helpers are started in place of ones that died, before the pool makes do with fewer. */
const MAX_RESTARTS = 8;

/**
 * Helper threads over one shared memory. A job's items are claimed one by one, by the calling thread too, so a
 * helper that is late or dead costs time and no result. The calling thread spins for those still at work and never
 * waits on a lock, which a page's main thread may not.
 */
export class Pool {
  readonly #helpers = new Map<number, Helper>();
  /** Helpers that are not ready yet. */
  readonly #starting = new Set<Helper>();
  readonly #words: Int32Array;
  #restarts = 0;
  #disposed = false;
  #settled: Promise<void> = Promise.resolve();
  /** Says why there are fewer helpers than were asked for. */
  lost: string | undefined;

  private constructor(
    readonly module: WebAssembly.Module,
    readonly memory: WebAssembly.Memory,
    /** The number of threads when all helpers live. */
    readonly capacity: number,
    readonly workerUrl: string | URL | undefined,
  ) {
    this.#words = new Int32Array(memory.buffer);
  }

  /** Rejects when a helper cannot start; none is left running then. */
  static async start(
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    helpers: number,
    workerUrl: string | URL | undefined,
  ): Promise<Pool> {
    const pool = new Pool(module, memory, helpers + 1, workerUrl);
    const hired = Array.from({ length: helpers }, (_, index) => pool.#hire(index + 1));
    try {
      await Promise.all(hired);
    } catch (error) {
      await pool.dispose();
      await Promise.allSettled(hired);
      throw error;
    }
    return pool;
  }

  /** The number of threads that work, this one included. */
  get threads(): number {
    return this.#helpers.size + 1;
  }

  /** Resolves when helpers that died have been replaced. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  /**
   * Runs the job that lies in memory.
   * @throws DeviceLostError when a helper ended or hung in the midst of an item: what the call was to write is then
   * undefined. All helpers are replaced; other tensors are as they were.
   */
  run(exports: Exports, items: number): void {
    const words = this.#words;
    const started = performance.now();
    Atomics.store(words, word.remaining, items);
    if (items > 1 && this.#helpers.size > 0) {
      Atomics.add(words, word.bell, 1);
      Atomics.notify(words, word.bell, items - 1);
    }
    try {
      exports.work(JOB_ADDRESS, 0);
    } catch (error) {
      throw this.#fail("a kernel trapped", error);
    }
    if (Atomics.load(words, word.done) !== items) this.#join(items, performance.now() - started);
  }

  #join(items: number, share: number): void {
    const words = this.#words;
    const deadline = performance.now() + PATIENCE_MS + PATIENCE_FACTOR * share;
    for (let spins = 1; Atomics.load(words, word.done) !== items; spins++) {
      if (spins % 1024 !== 0) continue;
      if (Atomics.load(words, word.failed) > 0) throw this.#fail("a helper thread trapped");
      if (performance.now() > deadline) throw this.#fail("a helper thread died or hangs");
    }
  }

  #fail(what: string, cause?: unknown): DeviceLostError {
    Atomics.store(this.#words, word.remaining, 0);
    Atomics.store(this.#words, word.failed, 0);
    const dismissed = [...this.#helpers];
    this.#helpers.clear();
    for (const [thread, helper] of dismissed) this.#replace(thread, helper.terminate());
    const error = new DeviceLostError(
      `${what}; the result of this call is undefined, later calls are not affected`,
    );
    if (cause !== undefined) error.cause = cause;
    return error;
  }

  async #hire(thread: number): Promise<void> {
    const { module, memory } = this;
    const { bell, stop, failed } = word;
    const start = { module, memory, thread, job: JOB_ADDRESS, bell, stop, failed };
    const helper = startHelper(start, this.workerUrl, (why) => {
      if (this.#helpers.get(thread) !== helper) return; // The helper never got ready, and #hire rejects.
      this.#helpers.delete(thread);
      this.lost = why;
      this.#replace(thread, Promise.resolve());
    });
    this.#starting.add(helper);
    try {
      await helper.ready;
    } catch (error) {
      await helper.terminate();
      throw error;
    } finally {
      this.#starting.delete(helper);
    }
    if (this.#disposed) await helper.terminate();
    else this.#helpers.set(thread, helper);
  }

  /** Starts another helper once the old one is gone. */
  #replace(thread: number, gone: Promise<void>): void {
    const before = this.#settled;
    const replaced = gone.then(async () => {
      if (this.#disposed) return;
      if (++this.#restarts > MAX_RESTARTS) {
        this.lost = `helper threads died ${MAX_RESTARTS} times (${this.lost ?? "trapped"})`;
        return;
      }
      await this.#hire(thread).then(
        () => (this.lost = undefined),
        (error: unknown) => (this.lost = String(error)),
      );
    });
    this.#settled = before.then(() => replaced);
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    Atomics.store(this.#words, word.stop, 1);
    Atomics.add(this.#words, word.bell, 1);
    Atomics.notify(this.#words, word.bell);
    const helpers = [...this.#helpers.values(), ...this.#starting];
    this.#helpers.clear();
    await Promise.all(helpers.map((helper) => helper.terminate()));
    await this.#settled;
  }
}
