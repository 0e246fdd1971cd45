import type { Backend, Dtype, Tensor } from "@dlrt/core";
import { withScope } from "../engine/scope.js";
import { statesOf } from "../engine/states.js";

export interface StorageSizes {
  /** States, of `heads` heads each. */
  readonly count: number;
  readonly heads: number;
  readonly keyWidth: number;
  readonly valueWidth: number;
  readonly dtype: Dtype;
}

/**
 * States that stay where they are from call to call, [count·heads, K, V], zeros at first. A layer whose engine needs a scratch
 * channel beside the K gets it by `all`, which makes room once and not in every call.
 */
export class Storage<T extends Tensor> {
  #tensor: T;

  /** @param rank channels to begin with */
  constructor(
    readonly backend: Backend<T>,
    readonly sizes: StorageSizes,
    rank: number = sizes.keyWidth,
  ) {
    const { count, heads, valueWidth, dtype } = sizes;
    this.#tensor = withScope(backend, dtype, (scope) =>
      scope.release(scope.full(0, [count * heads, rank, valueWidth])),
    );
  }

  get disposed(): boolean {
    return this.#tensor.disposed;
  }

  dispose(): void {
    this.#tensor.dispose();
  }

  /** All states, with `scratch` channels after their K; a view, until the next call. */
  all(scratch = 0): T {
    const rank = this.sizes.keyWidth + scratch;
    if (this.#tensor.shape[1] < rank) this.#widen(rank);
    return this.#view(rank);
  }

  #widen(rank: number): void {
    const wider = new Storage(this.backend, this.sizes, rank);
    try {
      wider.copyFrom(this);
    } catch (error) {
      wider.dispose();
      throw error;
    }
    this.#tensor.dispose();
    this.#tensor = wider.#tensor;
  }

  /** The states of another storage of the same sizes. */
  copyFrom(other: Storage<T>): void {
    this.copy(other.all(), this.all());
  }

  /** `count` states from the `first`-th on, of this storage or of an array of states one after the other. */
  part(first: number, count: number, of: T = this.all()): T {
    const { heads, dtype } = this.sizes;
    const piece = { batch: count, state: first };
    return withScope(this.backend, dtype, (scope) => statesOf(scope, of, piece, heads, heads));
  }

  /** `trans`: each state of the one is the transpose of that of the other. */
  copy(from: T, to: T, trans = false): void {
    withScope(this.backend, this.sizes.dtype, (scope) => scope.copy(from, to, { trans }));
  }

  /** `count` states from the `first`-th on become zero, scratch channels too: what is not finite would survive there. */
  clear(first: number, count: number): void {
    withScope(this.backend, this.sizes.dtype, (scope) => {
      const states = this.part(first, count, this.#view(this.#tensor.shape[1]));
      scope.copy(scope.repeated(0, states.shape), states);
    });
  }

  #view(rank: number): T {
    const [count, , valueWidth] = this.#tensor.shape;
    return this.backend.view(this.#tensor, [count, rank, valueWidth], this.#tensor.layout);
  }
}
