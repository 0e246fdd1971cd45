import type { Declared } from "@dlrt/core/backend";

/** WebGPU's own classes: typed where TypeScript's "dom" library (6 or later) or @webgpu/types declares them, else objects. */
export type Gpu = Declared<"GPU">;
export type GpuDevice = Declared<"GPUDevice">;
export type GpuBuffer = Declared<"GPUBuffer">;
export type GpuCommandEncoder = Declared<"GPUCommandEncoder">;
