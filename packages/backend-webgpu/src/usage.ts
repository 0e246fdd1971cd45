// The values of WebGPU's GPUBufferUsage and GPUMapMode, which are globals in browsers only.
export const MAP_READ = 0x0001;
export const COPY_SRC = 0x0004;
export const COPY_DST = 0x0008;
export const UNIFORM = 0x0040;
export const STORAGE = 0x0080;
/** What a tensor's buffer must allow: kernels, `read`, and states copied in and out. */
export const TENSOR: number = STORAGE | COPY_SRC | COPY_DST;
export const MAP_MODE_READ = 0x0001;
/** GPUShaderStage.COMPUTE */
export const COMPUTE_STAGE = 0x4;
