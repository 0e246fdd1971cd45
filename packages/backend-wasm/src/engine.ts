import { Arena } from "./arena.js";
import type { Exports } from "./instantiate.js";
import { HEAP_BASE, JOB_ADDRESS, JobWriter, type JobFields } from "./job.js";
import type { Pool } from "./pool.js";

/** One memory, the module on it, and who works: runs jobs, and keeps the scratch they need. */
export class Engine {
  readonly arena: Arena;
  readonly #job: JobWriter;
  #scratch = 0;
  #scratchBytes = 0;

  constructor(
    readonly memory: WebAssembly.Memory,
    limit: number,
    readonly exports: Exports,
    /** Absent: one thread. */
    readonly pool: Pool | undefined,
  ) {
    this.arena = new Arena(memory, limit, HEAP_BASE);
    this.#job = new JobWriter(memory);
  }

  get threads(): number {
    return this.pool?.threads ?? 1;
  }

  /**
   * Returns when all items have run.
   * @throws LimitError where there is no room for scratch, before anything is written; DeviceLostError, see Pool.run
   */
  run(items: number, fields: JobFields): void {
    this.#job.write(fields);
    this.#provideScratch(Math.ceil(this.exports.scratchBytes(JOB_ADDRESS) / 64) * 64);
    if (this.pool) {
      this.pool.run(this.exports, items);
      return;
    }
    this.#job.open(items);
    this.exports.work(JOB_ADDRESS, 0);
  }

  /** Scratch for every thread, helpers that may come back included. It is kept, and grows to the largest need. */
  #provideScratch(stride: number): void {
    const bytes = stride * (this.pool?.capacity ?? 1);
    if (bytes > this.#scratchBytes) {
      if (this.#scratchBytes > 0) this.arena.release(this.#scratch);
      this.#scratchBytes = 0;
      this.#scratch = this.arena.allocate("scratch", bytes);
      this.#scratchBytes = bytes;
    }
    this.#job.writeScratch(this.#scratch, stride);
  }
}
