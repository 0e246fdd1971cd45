import { DisposedError } from "@dlrt/core";
import { Arena } from "./arena.js";
import type { Exports } from "./instantiate.js";
import { HEAP_BASE, JOB_ADDRESS, JobWriter, type JobFields } from "./job.js";
import type { Pool } from "./pool.js";

/** The parts of a live engine. */
interface Parts {
  readonly exports: Exports;
  readonly arena: Arena;
  readonly job: JobWriter;
  /** The helper threads. Absent where there is one thread. */
  readonly pool: Pool | undefined;
}

/**
 * One memory, the module on it, and the threads that work on it. It runs jobs, and keeps the scratch that they need.
 * Once disposed, it refers to none of these, so that a disposed backend or tensor that somebody still refers to keeps
 * no memory.
 */
export class Engine {
  #parts: Parts | undefined;
  #scratch = 0;
  #scratchBytes = 0;

  constructor(memory: WebAssembly.Memory, limit: number, exports: Exports, pool: Pool | undefined) {
    this.#parts = {
      exports,
      arena: new Arena(memory, limit, HEAP_BASE),
      job: new JobWriter(memory),
      pool,
    };
  }

  /** @throws DisposedError once disposed, as all below */
  get arena(): Arena {
    return this.#live().arena;
  }

  get pool(): Pool | undefined {
    return this.#live().pool;
  }

  get threads(): number {
    return this.pool?.threads ?? 1;
  }

  /**
   * Returns when all items have run. Where there is nothing to do, a plan gives 0 items, or 0 / 0 of them.
   * @throws LimitError where there is no room for scratch, before anything is written; DeviceLostError, see Pool.run
   */
  run(items: number, fields: JobFields): void {
    const parts = this.#live();
    if (!(items > 0)) return;
    const { job, exports, pool } = parts;
    job.write(fields);
    this.#provideScratch(parts, Math.ceil(exports.scratchBytes(JOB_ADDRESS) / 64) * 64);
    if (pool) {
      pool.run(exports, items);
      return;
    }
    job.open(items);
    exports.work(JOB_ADDRESS, 0);
  }

  /** Resolves when no helper is left. It may be called again. */
  async dispose(): Promise<void> {
    const parts = this.#parts;
    this.#parts = undefined;
    parts?.arena.dispose();
    await parts?.pool?.dispose();
  }

  #live(): Parts {
    if (!this.#parts) throw new DisposedError("backend");
    return this.#parts;
  }

  /**
   * Provides scratch for every thread, those helpers included that may come back. The scratch is kept, and grows to the
   * largest need.
   */
  #provideScratch({ arena, job, pool }: Parts, stride: number): void {
    const bytes = stride * (pool?.capacity ?? 1);
    if (bytes > this.#scratchBytes) {
      if (this.#scratchBytes > 0) arena.release(this.#scratch);
      this.#scratchBytes = 0;
      this.#scratch = arena.allocate("scratch", bytes);
      this.#scratchBytes = bytes;
    }
    job.writeScratch(this.#scratch, stride);
  }
}
