// What measures and judges, for the command line and the page alike. Nothing here needs Node but the text workload's tokens
// (workload/text.ts), in whose place the page brings its own.
export { errorOf, isRight, OMEGA_LIMIT, type Verdict } from "./accuracy/residual.js";
export { SCHEMA, type Report } from "./comparison.js";
export {
  BACKEND_NAMES,
  backendCandidates,
  withoutFallback,
  type Factories,
} from "./contenders/candidates.js";
export { SOFTWARE_NOTE } from "./contenders/supports.js";
export {
  backendContender,
  jsPeer,
  sparing,
  type Contender,
  type Missing,
  type Opened,
} from "./contenders/contender.js";
export { naive } from "./contenders/naive.js";
export { plantedWrong } from "./contenders/planted.js";
export { DispatchTimer, duration, type Dispatch } from "./device/dispatch-timer.js";
export type { Phases } from "./device/phases.js";
export * as usage from "./device/usage.js";
export type { Environment } from "./environment.js";
export { layerContenders, NO_SOFTMAX, type LayerContender } from "./layer/contender.js";
export { layerJudge } from "./layer/judge.js";
export {
  LAYER_DECAY,
  LAYER_NAMES,
  LAYER_WORDS,
  TASK_NAMES,
  TASK_WORDS,
  type LayerName,
  type LayerWork,
  type RecurrentName,
  type TaskName,
} from "./layer/names.js";
export { naiveLayer } from "./layer/naive.js";
export { plantedLayer } from "./layer/planted.js";
export {
  layerFlops,
  layerProblem,
  type LayerProblem,
  type LayerRequest,
  type LayerSizes,
} from "./layer/problem.js";
export {
  LAYER_SCHEMA,
  measureLayer,
  runLayers,
  type LayerCase,
  type LayerReport,
  type LayerRow,
} from "./layer/run.js";
export { measure, type MeasureOptions, type OnProgress, type Outcome } from "./measure.js";
export { operations } from "./operations/index.js";
export { OPERATION_NAMES, type Operation, type OperationName, type Run } from "./operations/operation.js";
export { transposedSolve } from "./operations/products.js";
export { openRun } from "./operations/tensors.js";
export { diagonalBlocks } from "./operations/tril-inverse.js";
export { registerPeaks } from "./peaks/peaks.js";
export {
  isBad,
  rows,
  runCase,
  type CaseReport,
  type Found,
  type Peaks,
  type ReportOfRun,
  type Row,
  type Setting,
} from "./report.js";
export { checkSeedPrograms, type SeedCheck } from "./seed-check.js";
export { ratioOf, summarise, type Ratio, type Timing } from "./stats.js";
export { counted, decayWords, figures, messageOf } from "./words.js";
export { WORKLOAD_NAMES, workloads, type WorkloadName } from "./workload/index.js";
export { DECAY_NAMES, type Problem } from "./workload/problem.js";
