export { createWasmBackend, type WasmBackendOptions } from "./create.js";
export type { Build } from "./instantiate.js";
export type { WasmTensor } from "./tensor.js";
