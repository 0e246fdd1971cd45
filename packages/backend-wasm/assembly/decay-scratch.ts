import { rankStride } from "./decay-layout";
import { align } from "./lanes";
import { Sweep } from "./sweep";

/**
 * Returns where the rows of G_c lie, [rows, r], each scaled by what it decays until the chunk's end. They are what the
 * chunk adds to Z.
 */
export function decayedRows(sweep: Sweep): usize {
  return sweep.decayed;
}

/**
 * Returns where s and e of every channel lie, [r] each, one after the other. Z decays over the chunk by the factor s +
 * e.
 */
export function pairs<T>(sweep: Sweep): usize {
  return sweep.decayed + align(sweep.chunk, 4) * rankStride<T>(sweep.r);
}

/** Returns where the scratch begins that each kind of decay uses in its own way; it lies after the pairs. */
export function ownScratch<T>(sweep: Sweep): usize {
  return pairs<T>(sweep) + 2 * rankStride<T>(sweep.r);
}
