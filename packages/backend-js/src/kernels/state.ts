import type { HostTensor } from "@dlrt/core";
import { gemm, gemmCompensated } from "./gemm.js";
import { clearRows, loadRows, storeRows } from "./pack.js";
import { leadingDimension, lost, RANK_MAX, scratch, Z } from "./scratch.js";
import type { Walk } from "./walk.js";

/**
 * Z [r, columns] for one panel of columns. It stays in the scratch if its rank fits there; else it lives in `home` and
 * visits the scratch by panels of RANK_MAX rows.
 *
 * In f64 it is compensated: it is added to once a chunk, and where all terms have one sign those roundings may all go
 * one way, ε for every chunk there is. `lost`, which travels with Z, keeps what they lose. The sums of f32
 * tensors are float64 anyway, so that 2²⁹ chunks lose less than one rounding of f32.
 */
export class State {
  readonly ld: number;
  readonly #r: number;
  readonly #columns: number;
  readonly #compensated: boolean;
  readonly #home: Float64Array | undefined;
  readonly #homeLost: Float64Array | undefined;

  constructor({ f, n, r, chunk }: Walk, columns: number) {
    this.ld = leadingDimension(columns);
    this.#r = r;
    this.#columns = columns;
    // A single chunk is a single rounding.
    this.#compensated = f instanceof Float64Array && n > chunk;
    if (r > RANK_MAX) {
      this.#home = new Float64Array(r * this.ld);
      if (this.#compensated) this.#homeLost = new Float64Array(r * this.ld);
    }
  }

  /** Z ← columns j.. of `source` [batch, r, p], or 0. */
  open(source: HostTensor | undefined, batch: number, j: number, p: number): void {
    for (let k = 0; k < this.#r; k += RANK_MAX) {
      const rows = Math.min(RANK_MAX, this.#r - k);
      if (source) loadRows(Z, this.ld, source.data, (batch * this.#r + k) * p + j, p, rows, this.#columns, 1);
      else clearRows(Z, this.ld, rows, this.#columns);
      if (this.#compensated) lost.fill(0, Z, Z + rows * this.ld);
      this.leave(k, rows);
    }
  }

  /** Columns j.. of `target` [batch, r, p] ← Z. */
  close(target: HostTensor, batch: number, j: number, p: number): void {
    for (let k = 0; k < this.#r; k += RANK_MAX) {
      const rows = Math.min(RANK_MAX, this.#r - k);
      this.enter(k, rows);
      storeRows(target.data, (batch * this.#r + k) * p + j, p, Z, this.ld, rows, this.#columns, 1);
    }
  }

  /** Brings rows k.. into the scratch. */
  enter(k: number, rows: number): void {
    const at = k * this.ld;
    const end = at + rows * this.ld;
    if (this.#home) scratch.set(this.#home.subarray(at, end), Z);
    if (this.#homeLost) lost.set(this.#homeLost.subarray(at, end), Z);
  }

  /** Takes rows k.. home from the scratch. */
  leave(k: number, rows: number): void {
    const at = k * this.ld;
    const end = Z + rows * this.ld;
    if (this.#home) this.#home.set(scratch.subarray(Z, end), at);
    if (this.#homeLost) this.#homeLost.set(lost.subarray(Z, end), at);
  }

  /** `n` columns of the state in the scratch, from z on, gain Gᵀ Y; Gᵀ [rank, depth], Y [depth, n]. */
  add(z: number, gt: number, ldg: number, y: number, rank: number, depth: number, n: number): void {
    if (this.#compensated) gemmCompensated(z, this.ld, gt, ldg, y, this.ld, rank, depth, n);
    else gemm(z, this.ld, gt, ldg, y, this.ld, rank, depth, n);
  }
}
