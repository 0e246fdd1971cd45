export { createWasmBackend, type WasmBackendOptions } from "./create.js";
export type { Build } from "./compile.js";
export type { WasmTensor } from "./tensor.js";
