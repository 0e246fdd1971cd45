import { rankStride } from "./decay-layout";
import { align } from "./lanes";
import { Sweep } from "./sweep";

/** G_c, each row scaled by what it decays until the chunk's end, [rows, r]: what the chunk adds to Z. */
export function writeRows(sweep: Sweep): usize {
  return sweep.decayed;
}

/** s and e of every channel, the factor s + e by which Z decays over the chunk: [r] each, one after the other. */
export function pairs<T>(sweep: Sweep): usize {
  return sweep.decayed + align(sweep.chunk, 4) * rankStride<T>(sweep.r);
}

/** What lies behind them, for the decay's own use. */
export function ownScratch<T>(sweep: Sweep): usize {
  return pairs<T>(sweep) + 2 * rankStride<T>(sweep.r);
}
