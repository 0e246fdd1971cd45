import type { DiagLowRankTril, Tensor } from "@dlrt/core";
import { contiguousLayout } from "@dlrt/core/backend";
import { firstColumns, multiply, rowsFrom, sharedIdentity } from "../engine/products.js";
import type { Scope } from "../engine/scope.js";
import { scaleRows, weigh, type Kernel } from "./weights.js";

/** The rows of one piece as entries of the output's heads, [E, n, columns]. */
export interface Rows<T extends Tensor> {
  readonly query: T;
  readonly key: T;
  readonly value: T;
  /** The rows with which the corrections compare the keys. */
  readonly erase: T;
  /** [E, n, 1] */
  readonly beta: T;
}

export interface Attention {
  readonly scale: number;
  readonly kernel: Kernel;
}

/** The corrections are solved for in blocks of so many tokens. */
const BLOCK = 64;

/**
 * The weights of blocks of rows, computed from the scores as they are wanted: c×e of them at a time, e the tokens up to the end of
 * the block, never n×n.
 */
export class Blocks<T extends Tensor> {
  readonly #keys: T;
  readonly entries: number;
  readonly tokens: number;

  constructor(
    readonly scope: Scope<T>,
    readonly rows: Rows<T>,
    readonly attention: Attention,
  ) {
    const [entries, tokens, width] = rows.key.shape;
    [this.entries, this.tokens] = [entries, tokens];
    this.#keys = scope.copy(rows.key, scope.empty([entries, width, tokens]), { trans: true });
  }

  /** Returns the first token of every block. */
  starts(): number[] {
    return Array.from({ length: Math.ceil(this.tokens / BLOCK) }, (_, at) => at * BLOCK);
  }

  size(first: number): number {
    return Math.min(BLOCK, this.tokens - first);
  }

  /** Takes memory for the weights of any one block. */
  buffer(): T {
    return this.scope.empty([this.entries, Math.min(BLOCK, this.tokens), this.tokens]);
  }

  /** Returns a part of such memory as [E, c, e] of the block. */
  in(buffer: T, first: number, cols: number = first + this.size(first)): T {
    const shape = [this.entries, this.size(first), cols] as const;
    return this.scope.backend.view(buffer, shape, contiguousLayout(shape));
  }

  /** Computes the weights of a block's rows of `by` for all tokens up to the block's end. */
  weights(by: T, first: number, strict: boolean, buffer: T): T {
    const { scope, attention } = this;
    const out = this.in(buffer, first);
    const keys = firstColumns(scope, this.#keys, out.shape[2]);
    multiply(scope, rowsFrom(scope, by, first, out.shape[1]), keys, { alpha: attention.scale, out });
    weigh(out, first, attention.kernel, strict);
    return out;
  }

  /**
   * Returns I + diag(β) P within the block, for `solve`. A coupling whose keys are I consists of its rows themselves.
   */
  within(weights: T, first: number, buffer: T): DiagLowRankTril<T> {
    const { scope, entries } = this;
    const size = this.size(first);
    const own = scope.backend.view(weights, [entries, size, size], { ...weights.layout, offset: first });
    const q = this.in(buffer, first, size);
    scaleRows(own, rowsFrom(scope, this.rows.beta, first, size), q);
    return { diag: scope.repeated(1, [entries, size, 1]), q, k: sharedIdentity(scope, entries, size) };
  }
}
