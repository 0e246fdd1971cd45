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
  /** U of the panel whose turn it is. */
  #corrections: Rows;
  readonly #columns: number;
  readonly #size: number;

  /**
   * @param budget bytes to keep to, as long as the square root of the chunks fits
   * @param given U is kept by `deltaRule` already
   */
  constructor(
    dtype: Dtype,
    { n, r, columns, chunk }: Readonly<Record<"n" | "r" | "columns" | "chunk", number>>,
    budget: number,
    given: boolean,
  ) {
    const chunks = Math.ceil(n / chunk);
    const bytes = dtype === "f32" ? 4 : 8;
    const own = given ? 0 : n * columns;
    const room = Math.max(0, budget / bytes - own);
    let every = 1;
    const states = (): number => Math.ceil(chunks / every) + (every > 1 ? every : 0);
    while (states() * r * columns > room && every * every < chunks) every++;
    this.every = every;
    this.#size = r * columns;
    this.#columns = columns;
    this.#states = newFloatArray(dtype, Math.ceil(chunks / every) * this.#size);
    if (every > 1) this.#segment = newFloatArray(dtype, every * this.#size);
    this.#corrections = { data: newFloatArray(dtype, own), start: 0, stride: columns };
  }

  /** The state before chunk `index`, whose rows are those of a state: kept, or of the segment computed last. */
  state(index: number, kept: boolean): Rows {
    const { every } = this;
    const segment = kept ? undefined : this.#segment;
    const start = (segment ? index % every : Math.floor(index / every)) * this.#size;
    return { data: segment ?? this.#states, start, stride: this.#columns };
  }

  /** The panel's U, as `deltaRule` has kept it. */
  give(corrections: Rows): void {
    this.#corrections = corrections;
  }

  /** U from row i on. */
  corrections(i: number): Rows {
    const { data, start, stride } = this.#corrections;
    return { data, start: start + i * stride, stride };
  }
}
