import type { DecayKind } from "@dlrt/core";

/** The kinds of decay that a workload can be asked for. */
export const DECAY_NAMES: readonly DecayKind[] = ["none", "row", "channel"];

/** "decay by row" in titles and names of cases; "" without decay, and for reports made before it was recorded. */
export function decayWords({ decay = "none" }: { readonly decay?: DecayKind }): string {
  return decay === "none" ? "" : `decay by ${decay}`;
}
