/**
 * Writes the gradients of a fused delta rule to their tensors, row by row as they are computed, and takes them back
 * through the gates and the normalisation.
 */
import type { HostTensor } from "@dlrt/core";
import type { DeltaRuleVjpParams } from "@dlrt/core/backend";
import {
  addGaps,
  dot,
  dotWith,
  store,
  storeGated,
  storeScaled,
  subtractGated,
  subtractScaled,
  unnormalize,
} from "./row-arithmetic.js";
import type { DeltaWalk } from "./delta-walk.js";
import { rowsOf, type Rows } from "./rows.js";
import {
  ceil4,
  ERASE_DOT,
  ERASE_NORM,
  F,
  GAP_BAR,
  KEY_DOT,
  KEY_NORM,
  KEYS,
  KEYS_BAR,
  QUERY_DOT,
  QUERY_NORM,
  RAW,
  ROWS_BAR,
  scratch,
  TOUCHED,
  Y,
} from "./scratch.js";

const S = scratch;

export class Sink {
  readonly #query: Rows | undefined;
  readonly #key: Rows | undefined;
  readonly #value: Rows | undefined;
  readonly #erase: Rows | undefined;
  readonly #eraseKey: Rows | undefined;
  readonly #write: Rows | undefined;
  readonly #decay: Rows | undefined;
  /** Whether an earlier panel of columns has written its part already, so that this one adds to it. */
  readonly #adds: boolean;
  readonly #j: number;

  constructor({ gradients }: DeltaRuleVjpParams<HostTensor>, entry: number, j: number) {
    const rows = (t: HostTensor | undefined): Rows | undefined => t && rowsOf(t, entry);
    this.#query = rows(gradients.query);
    this.#key = rows(gradients.key);
    this.#value = rows(gradients.value);
    this.#erase = rows(gradients.erase);
    this.#eraseKey = rows(gradients.eraseKey);
    this.#write = rows(gradients.write);
    this.#decay = rows(gradients.decay);
    this.#adds = j > 0;
    this.#j = j;
  }

  /** Sets the sums over the elements of each row to 0. Called at the beginning of a chunk. */
  begin(): void {
    S.fill(0, QUERY_DOT, TOUCHED);
  }

  /**
   * Writes v̄ = w ∘ B̄ and w̄ = v ∘ B̄ from B̄ in the first half of Y. Where one gate β erases and writes, w̄ goes to
   * the gradient of β.
   */
  values(walk: DeltaWalk, i: number, rows: number, columns: number, ld: number): void {
    const { v, e, w, scalarWrite } = walk;
    const j = this.#j;
    const scalar = w === undefined || scalarWrite;
    const gate = w ?? e;
    const target = w ? this.#write : this.#erase;
    const value = this.#value;
    for (let t = 0; t < rows; t++) {
      const bar = Y + t * ld;
      const of = v.start + (i + t) * v.stride + j;
      const at = gate.start + (i + t) * gate.stride;
      if (target && scalar) this.#add(target, i + t, 0, dotWith(v.data, of, bar, columns), this.#adds);
      else if (target)
        storeGated(target.data, target.start + (i + t) * target.stride + j, bar, v.data, of, columns);
      if (!value) continue;
      const to = value.start + (i + t) * value.stride + j;
      if (scalar) storeScaled(value.data, to, bar, gate.data[at]!, columns);
      else storeGated(value.data, to, bar, gate.data, at + j, columns);
    }
  }

  /**
   * Takes the gradients of `rank` channels from channel k on out of ROWS_BAR and KEYS_BAR. The `first` pass over the
   * channels adds up the sums over the elements of a row, and the `last` one stores the gradients; a single pass is
   * both. The rows are visited from the last to the first, because the sums of ḡ run that way; `closing` holds their
   * values at the end of the chunk.
   */
  rows(
    walk: DeltaWalk,
    i: number,
    rows: number,
    k: number,
    rank: number,
    closing: Float64Array,
    first: boolean,
    last: boolean,
  ): void {
    const { chunk, decay, scalarErase, e, early } = walk;
    const ld = ceil4(rank);
    const raw = decay === "channel" ? RAW : F;
    for (let t = rows - 1; t >= 0; t--) {
      const own = t * ld;
      const q = (chunk + t) * ld;
      const gate = e.start + (i + t) * e.stride;
      if (this.#decay && decay === "row" && first) {
        const erased = dot(raw + own, ROWS_BAR + own, rank);
        const read = (early ? 0 : erased) + dot(raw + q, ROWS_BAR + q, rank);
        S[GAP_BAR + t] = S[GAP_BAR + t]! + (read - dot(KEYS + own, KEYS_BAR + own, rank));
        if (early && t > 0) S[GAP_BAR + t - 1] = S[GAP_BAR + t - 1]! + erased;
      }
      if (this.#decay && decay === "channel" && last) {
        addGaps(closing, k, raw + own, raw + q, own, q, rank);
        this.#putGaps(this.#decay, walk, i + t, k, rank, closing);
      }
      if (!early) {
        if (scalarErase) subtractScaled(KEYS_BAR + own, ROWS_BAR + own, e.data[gate]!, rank);
        else subtractGated(KEYS_BAR + own, ROWS_BAR + own, e.data, gate + k, rank);
      }
      if (walk.eps !== undefined && first) {
        S[QUERY_DOT + t] = S[QUERY_DOT + t]! + dot(raw + q, ROWS_BAR + q, rank);
        S[KEY_DOT + t] = S[KEY_DOT + t]! + dot(KEYS + own, KEYS_BAR + own, rank);
        if (early) S[ERASE_DOT + t] = S[ERASE_DOT + t]! + dot(F + own, ROWS_BAR + own, rank);
      }
      if (last) this.#store(walk, i, t, k, rank);
    }
  }

  #store(walk: DeltaWalk, i: number, t: number, k: number, rank: number): void {
    const { chunk, decay, eps } = walk;
    const ld = ceil4(rank);
    const own = t * ld;
    const q = (chunk + t) * ld;
    if (eps !== undefined) {
      unnormalize(
        ROWS_BAR + q,
        (decay === "channel" ? RAW : F) + q,
        S[QUERY_DOT + t]!,
        S[QUERY_NORM + t]!,
        rank,
      );
      unnormalize(KEYS_BAR + own, KEYS + own, S[KEY_DOT + t]!, S[KEY_NORM + t]!, rank);
    }
    if (this.#query) this.#put(this.#query, i + t, k, ROWS_BAR + q, rank, this.#adds);
    if (this.#key) this.#put(this.#key, i + t, k, KEYS_BAR + own, rank, this.#adds);
    const keys = walk.early ? RAW : KEYS;
    if (walk.early) this.#storeEraseKey(walk, i, t, k, rank);
    if (!this.#erase) return;
    // ē = P̄ ∘ k, or P̄ ∘ p where the layer has an erase key p of its own. ROWS_BAR holds −P̄, hence the signs.
    if (walk.scalarErase) {
      const adds = this.#adds || k > 0 || walk.w === undefined;
      this.#add(this.#erase, i + t, 0, -dot(ROWS_BAR + own, keys + own, rank), adds);
    } else {
      for (let m = 0; m < rank; m++) S[keys + own + m] = -S[keys + own + m]! * S[ROWS_BAR + own + m]!;
      this.#put(this.#erase, i + t, k, keys + own, rank, this.#adds);
    }
  }

  /** Writes p̄ = e ∘ P̄, the gradient of an erase key of its own. It is formed in the place of a row of K, which is not needed any more. */
  #storeEraseKey({ e, scalarErase, eps }: DeltaWalk, i: number, t: number, k: number, rank: number): void {
    if (!this.#eraseKey) return;
    const own = t * ceil4(rank);
    const gate = e.start + (i + t) * e.stride;
    for (let m = 0; m < rank; m++)
      S[KEYS + own + m] = -e.data[gate + (scalarErase ? 0 : k + m)]! * S[ROWS_BAR + own + m]!;
    if (eps !== undefined) unnormalize(KEYS + own, RAW + own, S[ERASE_DOT + t]!, S[ERASE_NORM + t]!, rank);
    this.#put(this.#eraseKey, i + t, k, KEYS + own, rank, this.#adds);
  }

  /**
   * Writes ḡ where a row decays by one number: a running sum that starts from `closing` at the end of the chunk, and to
   * which each row adds its part.
   */
  gaps({ gaps }: DeltaWalk, i: number, rows: number, closing: number): void {
    if (!this.#decay || !gaps) return;
    let sum = closing;
    for (let t = rows - 1; t >= 0; t--) {
      sum += S[GAP_BAR + t]!;
      const reset = gaps.data[gaps.start + (i + t) * gaps.stride] === -Infinity;
      this.#add(this.#decay, i + t, 0, reset ? 0 : sum, this.#adds);
    }
  }

  /** Writes a row of ḡ where every channel decays by itself. Nothing passes through a reset, so that its gradient is 0. */
  #putGaps(
    { data, start, stride }: Rows,
    { gaps }: DeltaWalk,
    row: number,
    k: number,
    rank: number,
    sums: Float64Array,
  ): void {
    const to = start + row * stride + k;
    const from = gaps!.start + row * gaps!.stride + k;
    for (let m = 0; m < rank; m++) {
      const x = gaps!.data[from + m] === -Infinity ? 0 : sums[k + m]!;
      data[to + m] = this.#adds ? data[to + m]! + x : x;
    }
  }

  #add({ data, start, stride }: Rows, row: number, column: number, x: number, adds: boolean): void {
    const at = start + row * stride + column;
    data[at] = adds ? data[at]! + x : x;
  }

  #put(
    { data, start, stride }: Rows,
    row: number,
    column: number,
    from: number,
    n: number,
    adds: boolean,
  ): void {
    const to = start + row * stride + column;
    if (adds) for (let m = 0; m < n; m++) data[to + m] = data[to + m]! + S[from + m]!;
    else store(data, to, from, n);
  }
}
