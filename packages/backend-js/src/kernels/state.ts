import { gemm, gemmCompensated } from "./gemm.js";
import { clearRows, loadRows, storeRows } from "./pack.js";
import type { Rows } from "./rows.js";
import { leadingDimension, lost, POWER, RANK_MAX, REST, scratch, Z } from "./scratch.js";
import { tile4Decaying, tile6CompensatedDecaying } from "./tile-decaying.js";
import type { Walk } from "./walk.js";

const S = scratch;
const L = lost;

/**
 * Z [r, columns] for one panel of columns. It stays in the scratch if its rank fits there; else it lives in `home` and
 * visits the scratch by panels of RANK_MAX rows.
 *
 * In f64 the state is compensated. Each chunk adds to it once, and where all terms have one sign these roundings may
 * all go to one side, so that every chunk loses ε. `lost`, which travels with Z, keeps what they lose. The sums of f32
 * tensors are float64 anyway, so that 2²⁹ chunks lose less than one rounding of f32.
 */
export class State {
  readonly ld: number;
  readonly #r: number;
  readonly #columns: number;
  readonly #compensated: boolean;
  readonly #home: Float64Array | undefined;
  readonly #homeLost: Float64Array | undefined;

  /** @param at the place of the state in the scratch, Z or W */
  constructor(
    { f64, n, r, chunk, decay }: Pick<Walk, "f64" | "n" | "r" | "chunk" | "decay">,
    columns: number,
    readonly at: number = Z,
  ) {
    this.ld = leadingDimension(columns);
    this.#r = r;
    this.#columns = columns;
    // A single chunk rounds the state only once. With decay that holds only if e^g and its product with Z are not
    // rounded first.
    this.#compensated = f64 && (n > chunk || decay !== "none");
    if (r > RANK_MAX) {
      this.#home = new Float64Array(r * this.ld);
      if (this.#compensated) this.#homeLost = new Float64Array(r * this.ld);
    }
  }

  /** Loads the columns from j on of `source`, r rows, into Z; without a source, Z becomes 0. */
  loadState(source: Rows | undefined, j: number): void {
    for (let k = 0; k < this.#r; k += RANK_MAX) {
      const rows = Math.min(RANK_MAX, this.#r - k);
      if (source) {
        const { data, start, stride } = source;
        loadRows(this.at, this.ld, data, start + k * stride + j, stride, rows, this.#columns, 1);
      } else clearRows(this.at, this.ld, rows, this.#columns);
      if (this.#compensated) lost.fill(0, this.at, this.at + rows * this.ld);
      this.leave(k, rows);
    }
  }

  /** Stores Z, r rows, to the columns of `target` from j on. */
  storeState({ data, start, stride }: Rows, j: number): void {
    for (let k = 0; k < this.#r; k += RANK_MAX) {
      const rows = Math.min(RANK_MAX, this.#r - k);
      this.enter(k, rows);
      storeRows(data, start + k * stride + j, stride, this.at, this.ld, rows, this.#columns, 1);
    }
  }

  /** Brings the rows from k on into the scratch. */
  enter(k: number, rows: number): void {
    const at = k * this.ld;
    const end = at + rows * this.ld;
    if (this.#home) scratch.set(this.#home.subarray(at, end), this.at);
    if (this.#homeLost) lost.set(this.#homeLost.subarray(at, end), this.at);
  }

  /** Takes the rows from k on home from the scratch. */
  leave(k: number, rows: number): void {
    const at = k * this.ld;
    const end = this.at + rows * this.ld;
    if (this.#home) this.#home.set(scratch.subarray(this.at, end), at);
    if (this.#homeLost) this.#homeLost.set(lost.subarray(this.at, end), at);
  }

  /** Adds Gᵀ Y to `n` columns of the state in the scratch, from z on. Gᵀ is [rank, depth] and Y is [depth, n]. */
  add(z: number, gt: number, ldg: number, y: number, rank: number, depth: number, n: number): void {
    if (this.#compensated) gemmCompensated(z, this.ld, gt, ldg, y, this.ld, rank, depth, n);
    else gemm(z, this.ld, gt, ldg, y, this.ld, rank, depth, n);
  }

  /** Does the same after the state's rows, or columns, have decayed by the pairs at POWER and REST. */
  decayAndAdd(
    kind: Exclude<Walk["decay"], "none">,
    gt: number,
    ldg: number,
    y: number,
    rank: number,
    depth: number,
    n: number,
  ): void {
    const { ld } = this;
    if (n === 0) return;
    if (kind === "columns") {
      for (let m = 0; m < rank; m++) this.#decayColumns(this.at + m * ld, n);
      this.add(this.at, gt, ldg, y, rank, depth, n);
      return;
    }
    const step = kind === "channel" ? 1 : 0;
    const first = this.#compensated ? 6 : 4;
    for (let m = 0; m < rank; m += 4) {
      const [z, a, pair] = [this.at + m * ld, gt + m * ldg, POWER + m * step];
      if (this.#compensated) tile6CompensatedDecaying(z, ld, a, ldg, y, ld, depth, n, pair, step);
      else tile4Decaying(z, ld, a, ldg, y, ld, depth, n, pair, step);
    }
    if (depth > first) this.add(this.at, gt + first, ldg, y + first * ld, rank, depth - first, n);
  }

  /** What was lost before decays as Z does, because it is part of Z and must be gone after a reset. */
  #decayColumns(z: number, n: number): void {
    if (this.#compensated) decayColumnsCompensated(z, n);
    else decayColumns(z, n);
  }
}

function decayColumns(z: number, n: number): void {
  for (let j = 0; j < n; j++) {
    const at = (z + j) | 0;
    S[at] = (S[(POWER + j) | 0]! + S[(REST + j) | 0]!) * S[at]!;
  }
}

function decayColumnsCompensated(z: number, n: number): void {
  for (let j = 0; j < n; j++) {
    const at = (z + j) | 0;
    const power = S[(POWER + j) | 0]!;
    const before = power * S[at]!;
    const term = S[(REST + j) | 0]! * S[at]! + power * L[at]!;
    const sum = before + term;
    S[at] = sum;
    L[at] = before - sum + term;
  }
}
