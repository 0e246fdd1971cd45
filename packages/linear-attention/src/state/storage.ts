import type { Backend, Dtype, Tensor } from "@dlrt/core";
import { withScope } from "../engine/scope.js";
import { statesOf } from "../engine/states.js";

/** The sizes of a storage. */
export interface StorageSizes {
  /** The number of states, each of `heads` heads. */
  readonly count: number;
  readonly heads: number;
  readonly keyWidth: number;
  readonly valueWidth: number;
  readonly dtype: Dtype;
}

/**
 * States that stay where they are from call to call, [count·heads, K, V], zero at first. A layer that needs scratch channels behind the K
 * gets them by `all`, which makes room for them once and not in every call.
 */
export class StateStorage<T extends Tensor> {
  #tensor: T;

  /** @param rank is the number of channels to begin with */
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

  /** Returns all states with so many scratch channels behind their K, as a view that is good until the next call. */
  all(scratchChannels = 0): T {
    const rank = this.sizes.keyWidth + scratchChannels;
    if (this.#tensor.shape[1] < rank) this.#widen(rank);
    return this.#view(rank);
  }

  #widen(rank: number): void {
    const wider = new StateStorage(this.backend, this.sizes, rank);
    try {
      wider.copyFrom(this);
    } catch (error) {
      wider.dispose();
      throw error;
    }
    this.#tensor.dispose();
    this.#tensor = wider.#tensor;
  }

  /** Copies the states of another storage of the same sizes, without their scratch channels. */
  copyFrom(other: StateStorage<T>): void {
    this.copy(other.all(), this.all());
  }

  /** Returns `count` states from the `first`-th on, without a copy, of this storage or of an array of states that lie one after the other. */
  part(first: number, count: number, of: T = this.all()): T {
    const { heads, dtype } = this.sizes;
    const span = { batch: count, state: first };
    return withScope(this.backend, dtype, (scope) => statesOf(scope, of, span, heads, heads));
  }

  /** Copies states; with `trans` each as its transpose. */
  copy(from: T, to: T, trans = false): void {
    withScope(this.backend, this.sizes.dtype, (scope) => scope.copy(from, to, { trans }));
  }

  /** Sets `count` states from the `first`-th on to zero, scratch channels included, in which numbers that are not finite would survive. */
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
