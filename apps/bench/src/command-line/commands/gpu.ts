import { isBad, type Setting } from "../../harness/index.js";
import { defaultOptions, runGpuReport, type GpuReport, type GpuReportOptions } from "../../roofline/index.js";
import { TIMING_FLAGS } from "../backends.js";
import type { GpuOptions } from "../options.js";
import { colour, type Printed } from "../progress.js";
import { keep, slug } from "../saved.js";
import { renderGpuReport } from "../text/gpu.js";

/** The chunk that the kernels take for a hint. */
const kernelChunk = (hint: number): number => (hint <= 16 ? 16 : hint <= 32 ? 32 : 64);

/** Takes the user's sizes where there are any, and otherwise those that fit the device. */
export function gpuOptions(given: GpuOptions, software: boolean): GpuReportOptions {
  const preset = defaultOptions(software);
  return {
    ...preset,
    batch: given.heads === undefined ? preset.batch : [given.heads],
    n: given.n ?? preset.n,
    d: given.d === undefined ? preset.d : [given.d],
    p: given.p,
    chunk: given.chunk === undefined ? preset.chunk : kernelChunk(given.chunk),
    seed: given.seed,
  };
}

/** `bench gpu`. @throws (rejects with) UnsupportedError where there is no WebGPU device */
export async function gpuReportCommand(given: GpuOptions, setting: Setting): Promise<Printed> {
  // Dawn is loaded only where it is asked for.
  const { createWebGpuBackend, nodeGpu } = await import("@dlrt/backend-webgpu/node");
  const backend = await createWebGpuBackend({ gpu: await nodeGpu(TIMING_FLAGS) });
  let report: GpuReport;
  try {
    const options = gpuOptions(given, backend.supports.software === true);
    report = await runGpuReport({ ...setting, backend, options });
  } finally {
    await backend.dispose();
  }
  const parts = [renderGpuReport(report, colour), ...keep(report, given, `gpu-${slug(report.device.name)}`)];
  return { text: parts.join("\n\n"), failed: report.operations.some(isBad) };
}
