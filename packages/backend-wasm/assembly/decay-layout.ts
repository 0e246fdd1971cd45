import { Decay } from "./job";
import { align, bytes, PANEL } from "./lanes";

/** The bytes from a row to the next of what is kept for every channel: r elements, padded to a multiple of four. */
export function rankStride<T>(r: i32): usize {
  return bytes<T>(align(r, 4));
}

/**
 * The bytes of scratch at `sweep.decayed` for chunks of up to `c` rows, a multiple of 4. Every kind of decay but that
 * of columns begins with the same two blocks.
 */
export function decayBytes<T>(decay: Decay, r: i32, c: i32): f64 {
  const row = <f64>rankStride<T>(r);
  if (decay == Decay.row) return (<f64>c + 2) * row + 4 * (<f64>bytes<T>(c) + 16) + 16;
  if (decay == Decay.channel) return (<f64>c + 2) * row + 2 * <f64>c * row + row + 64;
  if (decay == Decay.columns) return (2 * <f64>c + 4) * PANEL;
  return 0;
}
