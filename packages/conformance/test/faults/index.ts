import { decayFaults } from "./decay.js";
import type { Fault } from "./faulty.js";
import { kernelFaults } from "./kernels.js";
import { lateFaults } from "./late.js";
import { layoutFaults } from "./layouts.js";
import { lonelyFaults } from "./lonely.js";
import { memoryFaults } from "./memory.js";
import { sumFaults } from "./sums.js";

/** Lists backends that are right but for one thing, each time another. */
export const faults: readonly Fault[] = [
  ...kernelFaults,
  ...sumFaults,
  ...lateFaults,
  ...memoryFaults,
  ...decayFaults,
  ...layoutFaults,
  ...Object.values(lonelyFaults),
];
