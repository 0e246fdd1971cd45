export {
  runLayers,
  runSuites,
  testBackend,
  testLayers,
  type AbortSignalLike,
  type Create,
  type RunOptions,
  type TestBackendOptions,
  type TestFunction,
} from "./runner.js";
export type { SuiteOptions } from "./options.js";
export {
  reportMarkdown,
  reportText,
  type Report,
  type ReportFailure,
  type ReportRow,
  type ReportSkip,
} from "./report.js";
