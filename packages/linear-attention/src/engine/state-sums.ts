import type { Tensor } from "@dlrt/core";
import { sum, sumHeads } from "./elementwise.js";
import type { Packed } from "./packed.js";
import type { Scope } from "./scope.js";

/** Regards states as an array of one sequence, in which a token is the states of `heads` heads and its columns are their elements. */
const asTokens = <T extends Tensor>(scope: Scope<T>, states: T, heads: number): Packed<T> => {
  const [count, rank, cols] = states.shape;
  const width = rank * cols;
  const layout = { offset: 0, heads: 1, shared: 1, batch: 0, head: 0, row: heads * width };
  return { tensor: scope.backend.view(states, [1, count / heads, heads * width], layout), heads, width };
};

/**
 * Writes into `to`, [N·stateHeads, rank, V], for each state the sum of those gradients in `from`, [N·outHeads, rank, V], that belong to
 * heads of the output which read it. Neither has gaps between its states.
 */
export function sumStates<T extends Tensor>(
  scope: Scope<T>,
  from: T,
  stateHeads: number,
  outHeads: number,
  to: T,
): void {
  const { tensor } = sumHeads(scope, asTokens(scope, from, outHeads), stateHeads);
  scope.copy(tensor, asTokens(scope, to, stateHeads).tensor);
}

/** Adds `more` to `to`. Both are of one shape, without gaps between their states. */
export function addTo<T extends Tensor>(scope: Scope<T>, to: T, more: T): void {
  const { tensor } = sum(scope, asTokens(scope, to, 1), asTokens(scope, more, 1));
  scope.copy(tensor, asTokens(scope, to, 1).tensor);
}
