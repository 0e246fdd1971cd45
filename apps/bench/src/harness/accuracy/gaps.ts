import { decayColumns, type Problem } from "../workload/problem.js";

/** What a gap acts on: rows of the state, or its columns, as in the gradients of Q and K. */
export type DecayOn = "rank" | "columns";

/**
 * What the state goes through between two rows. An element z becomes keep·z + lose·z: z + expm1(g)·z for slow decay, which
 * loses nothing beside 1, and e^g·z for fast decay, where that difference would cancel.
 */
export class Gaps {
  /** The factors of every column of g, at the row that was asked for last. */
  readonly keep: Float64Array;
  readonly lose: Float64Array;
  /** |g|, or 0 where g = −∞ resets the state: no error of g passes through a reset. */
  readonly size: Float64Array;
  /** The factors of element (a, j) of the state stand at a·ofRow + j·ofColumn. */
  readonly ofRow: 0 | 1;
  readonly ofColumn: 0 | 1;
  readonly #g: ArrayLike<number>;
  readonly #columns: number;

  constructor(problem: Pick<Problem, "batch" | "n" | "decay">, on: DecayOn = "rank") {
    const columns = decayColumns(problem);
    this.#g = problem.decay ?? [];
    this.#columns = columns;
    [this.keep, this.lose, this.size] = [0, 1, 2].map(() => new Float64Array(columns)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    this.ofRow = columns > 1 && on === "rank" ? 1 : 0;
    this.ofColumn = columns > 1 && on === "columns" ? 1 : 0;
  }

  /** Computes the gap before row `row`, counted over all rows of the batch. */
  at(row: number): void {
    for (let c = 0; c < this.#columns; c++) {
      const g = this.#g[row * this.#columns + c]!;
      const slow = g > -0.5;
      this.keep[c] = slow ? 1 : 0;
      this.lose[c] = slow ? Math.expm1(g) : Math.exp(g);
      this.size[c] = g === -Infinity ? 0 : Math.abs(g);
    }
  }
}
