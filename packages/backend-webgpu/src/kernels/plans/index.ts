import type { Plan } from "../plan.js";
import { applyState, applyPrefix, applyChunk, applyDecayingColumns } from "./apply.js";
import { deltaBackScan, deltaBackReads, deltaBackKeys, deltaDecayVjp, deltaOperandsVjp } from "./delta.js";
import { copyPlan, decayVjpPlan, trilInversePlan, rowDotPlan } from "./elements.js";
import {
  normRowsPlan,
  normRowsVjpPlan,
  gatePlan,
  causalConvPlan,
  causalConvInputsPlan,
  causalConvSumsPlan,
  deltaOperandsPlan,
  deltaStepPlan,
} from "./layers.js";
import { couplingPlan, solveScan, solveCompose, decayChunks, couplingChannelsPlan } from "./solve.js";

/** Every shader of the package has one plan here: `test/shaders.test.ts` holds each against its shader. */
export const plans: readonly Plan[] = [
  couplingPlan,
  solveScan,
  solveCompose,
  copyPlan,
  decayChunks,
  decayVjpPlan,
  couplingChannelsPlan,
  applyState,
  applyPrefix,
  applyChunk,
  applyDecayingColumns,
  trilInversePlan,
  rowDotPlan,
  normRowsPlan,
  normRowsVjpPlan,
  gatePlan,
  causalConvPlan,
  causalConvInputsPlan,
  causalConvSumsPlan,
  deltaOperandsPlan,
  deltaStepPlan,
  deltaBackScan,
  deltaBackReads,
  deltaBackKeys,
  deltaDecayVjp,
  deltaOperandsVjp,
];
