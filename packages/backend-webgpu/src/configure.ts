import type { Supports } from "@dlrt/core";
import { describeDevice } from "./device.js";
import type { Context } from "./kernels/context.js";
import type { WebGpuOptions } from "./options.js";

const MIB = 2 ** 20;

/** Says what a backend on this device can do. */
export function supportsOf(device: GPUDevice): Supports {
  const { name, software } = describeDevice(device);
  return {
    dtypes: ["f32"],
    decay: "channel",
    eraseKey: ["deltaRule"],
    limits: { tensorBytes: device.limits.maxBufferSize },
    build: name,
    software,
    flushesSubnormals: true, // WebGPU has no way to ask whether a device flushes subnormal numbers to zero
  };
}

/** What the kernels are told of a device: the caller's options, and what suits the device where there are none. */
export type Settings = Omit<Context, "stream" | "nothing">;

export function settingsOf(device: GPUDevice, software: boolean, options: WebGpuOptions): Settings {
  const { maxStorageBufferBindingSize, minStorageBufferOffsetAlignment } = device.limits;
  return {
    budget: {
      bindingBytes: Math.min(
        options.maxBindingBytes ?? Number.POSITIVE_INFINITY,
        maxStorageBufferBindingSize,
      ),
      scratchBytes: options.maxScratchBytes ?? 256 * MIB,
      submitFlops: options.maxSubmitFlops ?? 5e10,
      alignment: minStorageBufferOffsetAlignment,
    },
    software,
    width: options.width ?? (software ? 4 : 256),
    chunk: options.chunk ?? (software ? 32 : 64),
    scan: options.scan ?? "sequential",
    groups: options.scanGroups,
  };
}
