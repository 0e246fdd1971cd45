export type { ArrayToWrite, Data, DataOf, ElementType, NdArray } from "./nd-array.js";
export { FormatError } from "./format-error.js";
export type { Input, Source } from "./source.js";
export { readNpy } from "./npy/read.js";
export { writeNpy } from "./npy/write.js";
export { openSafetensors, type Safetensors, type TensorInfo } from "./safetensors/read.js";
export { writeSafetensors, type TensorsToWrite } from "./safetensors/write.js";
