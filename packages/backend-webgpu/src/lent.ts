import { ShapeError, ValueError, byteSize, type Shape } from "@dlrt/core";
import { describe } from "@dlrt/core/backend";
import type { GpuBuffer, GpuCommandEncoder } from "./gpu-types.js";
import { checkObject } from "./options.js";
import { TENSOR } from "./usage.js";

// Checks of what a caller lends: a buffer for `wrap`, and a command encoder for `record`.

/** @throws ValueError (offset in bytes, buffer, usage), ShapeError (a tensor of this shape reaches past the buffer) */
export function checkBuffer(buffer: GpuBuffer, shape: Shape, offset: number): void {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset % 4 !== 0) {
    throw new ValueError("offset", "a multiple of 4 bytes, ≥ 0", String(offset));
  }
  if (buffer === undefined) throw new ValueError("buffer", "a GPUBuffer", "undefined");
  checkObject("buffer", buffer, "a GPUBuffer", ["usage", "size", "destroy"]);
  if ((buffer.usage & TENSOR) !== TENSOR) {
    throw new ValueError("buffer", "usage STORAGE | COPY_SRC | COPY_DST", `usage ${buffer.usage}`);
  }
  const end = offset + byteSize(shape, "f32");
  if (end > buffer.size) throw new ShapeError("buffer", `${end} bytes or more`, `${buffer.size}`);
}

/** @throws ValueError */
export function checkRecord(encoder: GpuCommandEncoder, work: () => void): void {
  if (encoder === undefined) throw new ValueError("encoder", "a GPUCommandEncoder", "undefined");
  checkObject("encoder", encoder, "a GPUCommandEncoder", ["beginComputePass", "copyBufferToBuffer"]);
  if (typeof work !== "function") throw new ValueError("work", "a function", describe(work));
}
