import type { Plan } from "../plan.js";
import { applyState, applyPrefix, applyChunk, applyColumns } from "./apply.js";
import { deltaBackScan, deltaBackReads, deltaBackKeys, deltaGaps, deltaGates } from "./delta.js";
import { copyPlan, decayVjpPlan, trilInversePlan, rowDotPlan } from "./elements.js";
import {
  normRowsPlan,
  normRowsVjpPlan,
  gatePlan,
  causalConvPlan,
  causalConvInputsPlan,
  causalConvSumsPlan,
  scaleRowsPlan,
  deltaStepPlan,
} from "./layers.js";
import { couplingPlan, solveScan, solveCompose, decayRows, couplingChannelsPlan } from "./solve.js";

/** Every shader of the package has one plan here: `test/shaders.test.ts` holds each against its shader. */
export const plans: readonly Plan[] = [
  couplingPlan,
  solveScan,
  solveCompose,
  copyPlan,
  decayRows,
  decayVjpPlan,
  couplingChannelsPlan,
  applyState,
  applyPrefix,
  applyChunk,
  applyColumns,
  trilInversePlan,
  rowDotPlan,
  normRowsPlan,
  normRowsVjpPlan,
  gatePlan,
  causalConvPlan,
  causalConvInputsPlan,
  causalConvSumsPlan,
  scaleRowsPlan,
  deltaStepPlan,
  deltaBackScan,
  deltaBackReads,
  deltaBackKeys,
  deltaGaps,
  deltaGates,
];
