import type { Tensor } from "@dlrt/core";
import { sumHeads } from "./elementwise.js";
import type { Packed } from "./packed.js";
import type { Scope } from "./scope.js";
import type { Tape, Value } from "./tape.js";

/**
 * The order in which heads share fewer stored ones. The engine shares a stored head among neighbours. Where head h is to read stored head
 * h mod H instead, arrays are copied once into the engine's order: a view has one stride over sequences and one over heads, and h mod H of
 * several sequences would need three.
 *
 * @module
 */

/** Returns the heads `first`, `first + step`, … of `x` as batch entries [B·count, T, D]. */
function headsIn<T extends Tensor>(
  scope: Scope<T>,
  { tensor, width }: Packed<T>,
  [first, count, step]: readonly [first: number, count: number, step: number],
): T {
  const [batch, tokens, cols] = tensor.shape;
  return scope.backend.view(tensor, [batch * count, tokens, width], {
    offset: batch * tokens * cols === 0 ? 0 : first * width,
    heads: count,
    shared: 1,
    batch: tensor.layout.batch,
    head: step * width,
    row: tensor.layout.row,
  });
}

/** Copies x with head r·S + j moved to the place j·R + r, for S `groups` of R heads each; or, with "back", the other way. */
function regroup<T extends Tensor>(
  scope: Scope<T>,
  x: Packed<T>,
  groups: number,
  direction: "there" | "back",
): Packed<T> {
  const [batch, tokens] = x.tensor.shape;
  const out = scope.packed(batch, tokens, x.heads, x.width);
  const share = x.heads / groups;
  for (let r = 0; r < share; r++) {
    const [apart, together] = [[r * groups, groups, 1] as const, [r, groups, share] as const];
    const [from, to] = direction === "there" ? [apart, together] : [together, apart];
    scope.copy(headsIn(scope, x, from), headsIn(scope, out, to));
  }
  return out;
}

/**
 * Makes neighbours of the heads r·S + j, for all r, which is how the engine wants heads that share head j of S = `groups`; or,
 * with "back", undoes that.
 */
export function regrouped<T extends Tensor>(
  tape: Tape<T>,
  x: Value<T>,
  groups: number,
  direction: "there" | "back",
): Value<T> {
  const reverse = direction === "there" ? "back" : "there";
  return tape.derived(regroup(tape.scope, x, groups, direction), (gradient) =>
    tape.gather(x, () => regroup(tape.scope, gradient, groups, reverse)),
  );
}

/** Returns an array of `heads` heads, in which head h is head h mod `x.heads` of `x`. */
export function tiled<T extends Tensor>(tape: Tape<T>, x: Value<T>, heads: number): Value<T> {
  if (x.heads === heads) return x;
  const { scope } = tape;
  const [batch, tokens] = x.tensor.shape;
  const out = scope.packed(batch, tokens, heads, x.width);
  for (let first = 0; first < heads; first += x.heads)
    scope.copy(headsIn(scope, x, [0, x.heads, 1]), headsIn(scope, out, [first, x.heads, 1]));
  return tape.derived(out, (gradient) =>
    tape.gather(x, () => sumHeads(scope, regroup(scope, gradient, x.heads, "there"), x.heads)),
  );
}
