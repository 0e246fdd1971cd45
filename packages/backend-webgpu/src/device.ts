import { UnsupportedError } from "@dlrt/core";

/** The limits that are asked for beyond WebGPU's defaults: a device with the default limits binds at most 128 MiB. */
const WANTED_LIMITS = ["maxBufferSize", "maxStorageBufferBindingSize"] as const;
/** The features that are asked for where the adapter has them, so that a caller can time what it records. */
const WANTED_FEATURES = ["timestamp-query"] as const;

/**
 * A device of its own adapter, with the adapter's limits.
 * @throws UnsupportedError where there is no WebGPU, no adapter or no device
 */
export async function requestDevice(
  gpu: GPU | undefined,
  options: GPURequestAdapterOptions = {},
): Promise<GPUDevice> {
  if (!gpu) throw new UnsupportedError("gpu", "WebGPU (navigator.gpu, or options.gpu)", "none");
  let adapter: GPUAdapter | null;
  try {
    adapter = await gpu.requestAdapter(options);
  } catch (error) {
    throw new UnsupportedError("gpu", "a WebGPU adapter", String(error));
  }
  if (!adapter) throw new UnsupportedError("gpu", "a WebGPU adapter", `none${hint()}`);
  try {
    const requiredLimits: Record<string, number> = {};
    for (const limit of WANTED_LIMITS) requiredLimits[limit] = adapter.limits[limit];
    const requiredFeatures = WANTED_FEATURES.filter((feature) => adapter.features.has(feature));
    return await adapter.requestDevice({ label: "dlrt", requiredLimits, requiredFeatures });
  } catch (error) {
    throw new UnsupportedError("gpu", "a device with the adapter's limits", String(error));
  }
}

/** Advises what to do where there is no adapter. */
function hint(): string {
  const inNode =
    (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node !== undefined;
  return inNode
    ? ": Dawn found no driver of a GPU. Install one (Vulkan on Linux), or SwiftShader, which needs none: with VK_ICD_FILENAMES naming its " +
        "vk_swiftshader_icd.json, and LD_LIBRARY_PATH its folder and libvulkan.so.1, before Node starts"
    : ": the browser has WebGPU, but no GPU it allows; see chrome://gpu or about:support, or use @dlrt/backend-wasm";
}

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|basic render|warp/i;

/** Returns the name that the device gives itself, and whether it is software that runs on the CPU. */
export function describeDevice(device: GPUDevice): { name: string; software: boolean } {
  const info = (device as { adapterInfo?: GPUAdapterInfo }).adapterInfo;
  const parts = info ? [info.description || info.device, info.vendor, info.architecture] : [];
  const name = [...new Set(parts.filter(Boolean))].join(", ") || "unnamed GPU";
  const fallback = (info as { isFallbackAdapter?: boolean } | undefined)?.isFallbackAdapter === true;
  return { name, software: fallback || SOFTWARE.test(name) };
}
