// Where the decay of the delta rule keeps what it needs, whatever its kind; decay-scratch.ts is the same for solve and apply.
import { Delta } from "./delta";
import { align } from "./lanes";

/** Returns where s and e of every channel lie, [rs] each, one after the other. Z decays over the chunk by the factor s + e. */
export function deltaPairs(delta: Delta): usize {
  return delta.decayed + align(delta.chunk, 4) * delta.rs;
}

/** Returns where the scratch begins that each kind of decay uses in its own way; it lies after the pairs. */
export function deltaScratch(delta: Delta): usize {
  return deltaPairs(delta) + 2 * delta.rs;
}
