import type { Backend } from "./backend.js";
import type { Tensor } from "./tensor.js";

/**
 * The tensors of one piece of work on a backend. They are disposed together when the work ends, whether or not it
 * succeeds, except those that were handed over before.
 */
export class Scope<T extends Tensor = Tensor> {
  readonly #tensors: Set<T> = new Set();
  readonly backend: Backend<T>;

  constructor(backend: Backend<T>) {
    this.backend = backend;
  }

  /** Takes `t` into the scope, which disposes it. Returns `t`. */
  own<U extends T>(t: U): U {
    this.#tensors.add(t);
    return t;
  }

  /** Hands `t` over: the scope does not dispose it any more. Returns `t`. */
  release<U extends T>(t: U): U {
    this.#tensors.delete(t);
    return t;
  }

  /** Disposes all tensors that the scope owns. It may be used again afterwards. */
  dispose(): void {
    for (const t of this.#tensors) t.dispose();
    this.#tensors.clear();
  }
}
