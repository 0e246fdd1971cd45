import type { DiagLowRankTril, Tensor } from "@dlrt/core";
import { contiguousLayout } from "@dlrt/core/backend";
import { firstColumns, multiply, rowsFrom, sharedIdentity } from "../engine/products.js";
import type { Scope } from "../engine/scope.js";
import { scaleRows, weigh, type Kernel } from "./weights.js";

/** The rows of one span, each array with an entry for every head of the output: [E, n, columns]. */
export interface Rows<T extends Tensor> {
  readonly query: T;
  readonly key: T;
  readonly value: T;
  /** w, the rows with which the corrections compare the keys. */
  readonly erase: T;
  /** β, [E, n, 1] */
  readonly beta: T;
}

/** How scores become weights. */
export interface Attention {
  /** The scores are multiplied by this first. */
  readonly scale: number;
  readonly kernel: Kernel;
}

/** How many tokens a block has. The corrections are solved for block by block. */
const BLOCK = 64;

/**
 * The weights of attention, computed block by block when they are wanted: those of a block's c rows for the e tokens up to the end of the
 * block. So c·e of them are in memory for each entry, and never n·n.
 */
export class Blocks<T extends Tensor> {
  /** Kᵀ, [E, K, n] */
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

  /** Returns the first token of every block. Blocks are called by it. */
  starts(): number[] {
    return Array.from({ length: Math.ceil(this.tokens / BLOCK) }, (_, at) => at * BLOCK);
  }

  /** Returns how many tokens a block has. */
  size(first: number): number {
    return Math.min(BLOCK, this.tokens - first);
  }

  /** Allocates memory for the weights of any one block. */
  buffer(): T {
    return this.scope.empty([this.entries, Math.min(BLOCK, this.tokens), this.tokens]);
  }

  /** Returns such memory as the array of one block, [E, c, cols], of which cols is e unless it is given. */
  in(buffer: T, first: number, cols: number = first + this.size(first)): T {
    const shape = [this.entries, this.size(first), cols] as const;
    return this.scope.backend.view(buffer, shape, contiguousLayout(shape));
  }

  /**
   * Computes the weights that a block's rows of `by` have for the e tokens up to the end of the block, [E, c, e], in `buffer`.
   * @param strict tells whether a row has no weight for its own token
   */
  weights(by: T, first: number, strict: boolean, buffer: T): T {
    const { scope, attention } = this;
    const out = this.in(buffer, first);
    const keys = firstColumns(scope, this.#keys, out.shape[2]);
    multiply(scope, rowsFrom(scope, by, first, out.shape[1]), keys, { alpha: attention.scale, out });
    weigh(out, first, attention.kernel, strict);
    return out;
  }

  /**
   * Returns I + diag(β) P within a block, as an operator for `solve`, P being the weights of the corrections. With K = I, the rows of Q are the
   * rows of the matrix themselves.
   * @param weights are those of the block, [E, c, e]
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
