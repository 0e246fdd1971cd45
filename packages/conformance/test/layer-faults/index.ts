import type { LayerFault } from "./faulty.js";
import { gradientFaults } from "./gradients.js";
import { resultFaults } from "./results.js";
import { reachFaults } from "./reach.js";
import { slightFaults } from "./slight.js";

/** Lists layers that are right but for one thing. Each fault is one that was made somewhere, or that fusing a layer's kernels invites. */
export const layerFaults: readonly LayerFault[] = [
  ...resultFaults,
  ...reachFaults,
  ...gradientFaults,
  ...slightFaults,
];
