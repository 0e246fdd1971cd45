import { newFloatArray, type Dtype, type FloatArray } from "@dlrt/core";
import type { Rows } from "./rows.js";

/**
 * What the way back reads of the way there, for one panel of one entry: U, and the state before every `every`-th chunk; those between
 * are computed again from U, a segment of `every` chunks at a time. Rounded to the dtype, as U is where a layer is composed of `solve` and
 * `apply`.
 */
export class Kept {
  /** Chunks from one kept state to the next. */
  readonly every: number;
  readonly #states: FloatArray;
  readonly #segment: FloatArray | undefined;
  readonly #corrections: FloatArray;
  readonly #columns: number;
  readonly #size: number;

  /** @param budget bytes to keep to, as long as the square root of the chunks fits */
  constructor(
    dtype: Dtype,
    { n, r, columns, chunk }: Readonly<Record<"n" | "r" | "columns" | "chunk", number>>,
    budget: number,
  ) {
    const chunks = Math.ceil(n / chunk);
    const bytes = dtype === "f32" ? 4 : 8;
    const room = Math.max(0, budget / bytes - n * columns);
    let every = 1;
    const states = (): number => Math.ceil(chunks / every) + (every > 1 ? every : 0);
    while (states() * r * columns > room && every * every < chunks) every++;
    this.every = every;
    this.#size = r * columns;
    this.#columns = columns;
    this.#states = newFloatArray(dtype, Math.ceil(chunks / every) * this.#size);
    if (every > 1) this.#segment = newFloatArray(dtype, every * this.#size);
    this.#corrections = newFloatArray(dtype, n * columns);
  }

  /** The state before chunk `index`, whose rows are those of a state: kept, or of the segment computed last. */
  state(index: number, kept: boolean): Rows {
    const { every } = this;
    const segment = kept ? undefined : this.#segment;
    const start = (segment ? index % every : Math.floor(index / every)) * this.#size;
    return { data: segment ?? this.#states, start, stride: this.#columns };
  }

  /** U from row i on. */
  corrections(i: number): Rows {
    return { data: this.#corrections, start: i * this.#columns, stride: this.#columns };
  }
}
