import type { LayerFault } from "./faulty.js";
import { gradientFaults } from "./gradients.js";
import { resultFaults } from "./results.js";
import { reachFaults } from "./reach.js";
import { slightFaults } from "./slight.js";

/** Right layers with one thing wrong. Each fault is one that was made somewhere, or that a fused layer invites. */
export const layerFaults: readonly LayerFault[] = [
  ...resultFaults,
  ...reachFaults,
  ...gradientFaults,
  ...slightFaults,
];
