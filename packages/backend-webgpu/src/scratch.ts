import { TENSOR } from "./usage.js";

const MIN_BYTES = 256;

/** Makes the buffers that the scratch hands out. */
export interface Buffers {
  create(bytes: number, usage: number, label: string): GPUBuffer;
  /** Is told of every buffer that the next commands use. */
  using(buffer: GPUBuffer): void;
  /** How many bytes of scratch are kept between operations. */
  readonly keepBytes: number;
}

/**
 * Buffers for intermediate results. They are kept from one operation to the next; commands run in order, so that it is
 * safe to use them again.
 */
export class Scratch {
  readonly #buffers: Buffers;
  readonly #free: GPUBuffer[] = [];
  readonly #used: GPUBuffer[] = [];

  constructor(buffers: Buffers) {
    this.#buffers = buffers;
  }

  /** Takes the smallest free buffer that holds `bytes` and wastes no more than half of itself, or makes a new one. */
  take(bytes: number): GPUBuffer {
    const needed = Math.max(MIN_BYTES, Math.ceil(bytes / MIN_BYTES) * MIN_BYTES);
    let best = -1;
    for (const [index, buffer] of this.#free.entries()) {
      const fits = buffer.size >= needed && buffer.size <= Math.max(2 * needed, 4096);
      if (fits && (best < 0 || buffer.size < this.#free[best]!.size)) best = index;
    }
    const buffer =
      best < 0 ? this.#buffers.create(needed, TENSOR, "scratch") : this.#free.splice(best, 1)[0]!;
    this.#buffers.using(buffer);
    this.#used.push(buffer);
    return buffer;
  }

  mark(): number {
    return this.#used.length;
  }

  /** Frees everything that was taken since `mark`. */
  releaseTo(mark: number): void {
    this.#free.push(...this.#used.splice(mark));
  }

  /**
   * Ends an operation and frees everything that was taken. Returns the buffers that exceed the budget; they are to be
   * destroyed after the next submit.
   */
  release(): GPUBuffer[] {
    this.#free.push(...this.#used.splice(0));
    let held = this.#free.reduce((sum, buffer) => sum + buffer.size, 0);
    const surplus: GPUBuffer[] = [];
    while (held > this.#buffers.keepBytes) {
      const oldest = this.#free.shift()!;
      held -= oldest.size;
      surplus.push(oldest);
    }
    return surplus;
  }

  /** Forgets a free buffer. */
  drop(buffer: GPUBuffer): void {
    const at = this.#free.indexOf(buffer);
    if (at >= 0) this.#free.splice(at, 1);
  }

  destroy(): void {
    for (const buffer of [...this.#free.splice(0), ...this.#used.splice(0)]) buffer.destroy();
  }
}
