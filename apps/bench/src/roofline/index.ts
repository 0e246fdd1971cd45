// What bounds every kernel on a WebGPU device, and the share of it that each of our shaders reaches.
export type { OperationReport } from "./kernels.js";
export type { DeviceTimes, KernelReport } from "./reached.js";
export { defaultOptions, runGpuReport, type GpuReport, type GpuReportOptions } from "./report.js";
export type { Roofline } from "./roofline.js";
