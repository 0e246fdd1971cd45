import { DisposedError, LimitError, type FloatArray } from "@dlrt/core";
import type { WasmMemory } from "./wasm-types.js";

const PAGE = 65536;
/** The most pages of a memory: one short of 4 GiB, so that the end of every block is a 32-bit address. */
export const MAX_PAGES = 65535;
/** Every block begins at a multiple of this, a cache line. */
const ALIGNMENT = 64;

interface Span {
  at: number;
  size: number;
}

function rounded(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

/**
 * Blocks of one WebAssembly memory: first fit over a list of free spans, neighbours joined, so that memory freed
 * is used again; the memory grows only when no span fits. Growth detaches views: take `memory.buffer` afresh.
 */
export class Arena {
  /** The free spans, by address. None touches the next. */
  readonly #free: Span[] = [];
  readonly #sizes = new Map<number, number>();
  #end: number;
  #memory: WasmMemory | undefined;
  /**
   * The arrays over blocks, as their tensors last gave them out. They are kept here, so that they end when the memory
   * ends.
   */
  views: WeakMap<object, FloatArray> = new WeakMap();

  constructor(
    memory: WasmMemory,
    /** The bytes up to which the memory may grow. */
    readonly limit: number,
    base: number,
  ) {
    this.#memory = memory;
    this.#end = base;
    const size = memory.buffer.byteLength;
    if (size > base) this.#insert({ at: base, size: size - base });
    this.#end = size;
  }

  /** @throws DisposedError once disposed */
  get memory(): WasmMemory {
    if (!this.#memory) throw new DisposedError("backend");
    return this.#memory;
  }

  /** Drops the memory, so that whoever still refers to a block does not keep it. */
  dispose(): void {
    this.#memory = undefined;
    this.views = new WeakMap();
  }

  /** Address of a new block. @throws LimitError, the arena as it was */
  allocate(argument: string, bytes: number): number {
    const size = Math.max(ALIGNMENT, rounded(bytes, ALIGNMENT));
    let index = this.#free.findIndex((span) => span.size >= size);
    if (index < 0) {
      this.#grow(argument, size);
      index = this.#free.length - 1;
    }
    const span = this.#free[index]!;
    const at = span.at;
    if (span.size === size) this.#free.splice(index, 1);
    else this.#free[index] = { at: at + size, size: span.size - size };
    this.#sizes.set(at, size);
    return at;
  }

  release(at: number): void {
    const size = this.#sizes.get(at);
    if (size === undefined) throw new RangeError(`no block at ${at}`);
    this.#sizes.delete(at);
    this.#insert({ at, size });
  }

  /** Grows the memory so that its last free span holds `size`. */
  #grow(argument: string, size: number): void {
    const last = this.#free.at(-1);
    const spare = last !== undefined && last.at + last.size === this.#end ? last.size : 0;
    const needed = rounded(size - spare, PAGE);
    if (this.#end + needed > this.limit) throw new LimitError(argument, size, this.limit);
    // It grows in steps of an eighth, so that many small tensors do not each grow the memory.
    const step = Math.min(this.limit - this.#end, Math.max(needed, rounded(this.#end / 8, PAGE)));
    const grown = this.#tryGrow(step) ? step : this.#tryGrow(needed) ? needed : 0;
    if (grown === 0)
      throw new LimitError(argument, size, Number.NaN, "the engine refuses to grow the memory");
    this.#end += grown;
    this.#insert({ at: this.#end - grown, size: grown });
  }

  #tryGrow(bytes: number): boolean {
    try {
      this.memory.grow(bytes / PAGE);
      return true;
    } catch {
      return false;
    }
  }

  #insert(span: Span): void {
    let low = 0;
    let high = this.#free.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#free[middle]!.at < span.at) low = middle + 1;
      else high = middle;
    }
    const before = this.#free[low - 1];
    const after = this.#free[low];
    const joinsBefore = before !== undefined && before.at + before.size === span.at;
    const joinsAfter = after !== undefined && span.at + span.size === after.at;
    const at = joinsBefore ? before.at : span.at;
    const end = joinsAfter ? after.at + after.size : span.at + span.size;
    const first = joinsBefore ? low - 1 : low;
    this.#free.splice(first, (joinsBefore ? 1 : 0) + (joinsAfter ? 1 : 0), { at, size: end - at });
  }
}
