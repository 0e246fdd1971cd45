import { ValueError } from "@dlrt/core";
import { checkCount, checkFlag, checkOptions, describe } from "@dlrt/core/backend";
import type { Gpu, GpuDevice } from "./gpu-types.js";

/** Options of `createWebGpuBackend`. */
export interface WebGpuOptions {
  /** A device to use, which is never destroyed. Default: a new one with the adapter's limits. */
  readonly device?: GpuDevice | undefined;
  /** Where to ask for an adapter. Default: `navigator.gpu`. */
  readonly gpu?: Gpu | undefined;
  readonly powerPreference?: "low-power" | "high-performance" | undefined;
  /**
   * Compute a problem whose answer is exact in f32, beside the first work; if a bit of it is wrong, every `read` and `sync` rejects with an
   * UnsupportedError, and none is answered before. Default true.
   */
  readonly selfTest?: boolean | undefined;
  /**
   * How `solve` scans its chunks: one after the other, by a parallel scan of their affine maps, or ("auto") whichever
   * the cost model expects to be faster. The parallel scan keeps ω ≤ 16 ε where T⁻¹ is bounded, as it is for
   * unit keys and β ∈ [0, 2]; where T⁻¹ grows it does not, so it has to be asked for. It computes 2 + r/p times as much, which pays
   * only where the workgroups of one scan leave a device idle: on SwiftShader with two cores it took 2.1 to 2.9 times as long. Default "sequential".
   */
  readonly scan?: "auto" | "sequential" | "parallel" | undefined;
  /** Groups of chunks in a parallel scan. Default: by the cost model. */
  readonly scanGroups?: number | undefined;
  /** Workgroups that the device runs at a time, for the cost model. Default 256; on a software device 4. */
  readonly width?: number | undefined;
  /** Rows per chunk where a call does not say: 16, 32 or 64. Default 64; on a software device 32. */
  readonly chunk?: 16 | 32 | 64 | undefined;
  /** Most bytes bound at a time. Default, and at most: the device's limit. */
  readonly maxBindingBytes?: number | undefined;
  /** Most bytes of intermediate results of one operation; longer ones run in segments. Default 256 MiB. */
  readonly maxScratchBytes?: number | undefined;
  /** Floating-point operations after which work is submitted, so that no submit meets a watchdog. Default 5·10¹⁰. */
  readonly maxSubmitFlops?: number | undefined;
}

const NAMES: readonly string[] = [
  "device",
  "gpu",
  "powerPreference",
  "selfTest",
  "scan",
  "scanGroups",
  "width",
  "chunk",
  "maxBindingBytes",
  "maxScratchBytes",
  "maxSubmitFlops",
];

const CHOICES: Readonly<Record<string, readonly unknown[]>> = {
  powerPreference: ["low-power", "high-performance"],
  scan: ["auto", "sequential", "parallel"],
  chunk: [16, 32, 64],
};

/** Checks everything about the options that can be checked before a device is asked for. Throws a ValueError. */
export function checkWebGpuOptions(options: WebGpuOptions): void {
  checkOptions("options", options, NAMES);
  const { device, gpu, selfTest, scanGroups, width } = options;
  checkObject("device", device, "a GPUDevice", [
    "createBuffer",
    "createCommandEncoder",
    "popErrorScope",
    "limits",
    "queue",
    "lost",
  ]);
  checkObject("gpu", gpu, "a GPU (navigator.gpu)", ["requestAdapter"]);
  checkFlag("selfTest", selfTest);
  for (const [name, choices] of Object.entries(CHOICES)) {
    const value = options[name as keyof WebGpuOptions];
    if (value === undefined || choices.includes(value)) continue;
    throw new ValueError(name, `one of ${choices.join(", ")}`, describe(value));
  }
  for (const [name, value] of Object.entries({ scanGroups, width }))
    if (value !== undefined) checkCount(name, value);
  for (const name of ["maxBindingBytes", "maxScratchBytes", "maxSubmitFlops"] as const) {
    const value = options[name];
    if (value === undefined || (typeof value === "number" && value > 0)) continue;
    throw new ValueError(name, "a number > 0", describe(value));
  }
}

/** @throws ValueError unless undefined or an object of WebGPU's, told by what it has: it may come from another realm */
export function checkObject(
  argument: string,
  value: object | undefined,
  expected: string,
  members: readonly string[],
): void {
  if (value === undefined) return;
  let fits: boolean;
  try {
    const record = value as Readonly<Record<string, unknown>>;
    fits = typeof value === "object" && members.every((member) => record[member] !== undefined);
  } catch {
    fits = false; // `value` is null, a revoked proxy, or a prototype without an instance
  }
  if (!fits) throw new ValueError(argument, expected, describe(value));
}
