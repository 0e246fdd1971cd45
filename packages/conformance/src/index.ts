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
export type { Report, ReportFailure, ReportRow, ReportSkip } from "./report.js";
export { reportMarkdown } from "./report-markdown.js";
export { reportText } from "./report-text.js";
