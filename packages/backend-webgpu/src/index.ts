export type { GpuTensor } from "./tensor.js";
export type { WebGpuOptions } from "./options.js";
export type { Recording, WebGpuBackend } from "./backend.js";
export { createWebGpuBackend } from "./create.js";
