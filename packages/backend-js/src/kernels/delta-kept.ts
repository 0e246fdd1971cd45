import { newFloatArray, type Dtype, type FloatArray } from "@dlrt/core";
import type { Rows } from "./rows.js";

/**
 * What the backward pass reads of the forward pass, for one panel of columns of one batch entry: U, and the state
 * before every `every`-th chunk. The states between these are computed again from U, one segment of `every` chunks at a
 * time. All of it is rounded to the dtype, as U is where a layer is composed of `solve` and `apply`.
 */
export class Kept {
  /** The number of chunks from one kept state to the next. */
  readonly every: number;
  readonly #states: FloatArray;
  readonly #segment: FloatArray | undefined;
  /** The U of the present panel. */
  #corrections: Rows;
  readonly #columns: number;
  readonly #size: number;

  /**
   * @param budget the most bytes to keep. About twice the square root of the number of chunks many states are kept in
   * any case.
   * @param given whether `deltaRule` has kept U already, so that it needs no room here
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

  /** Returns the rows of the state before chunk `index`: the kept one, or that of the segment which was computed last. */
  state(index: number, kept: boolean): Rows {
    const { every } = this;
    const segment = kept ? undefined : this.#segment;
    const start = (segment ? index % every : Math.floor(index / every)) * this.#size;
    return { data: segment ?? this.#states, start, stride: this.#columns };
  }

  /** Takes the panel's U as `deltaRule` has kept it. */
  give(corrections: Rows): void {
    this.#corrections = corrections;
  }

  /** Returns the rows of U from row i on. */
  corrections(i: number): Rows {
    const { data, start, stride } = this.#corrections;
    return { data, start: start + i * stride, stride };
  }
}
