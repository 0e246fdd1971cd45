import type { GpuOptions } from "../options.js";
import type { Environment } from "../../harness/environment.js";
import { savePath, slug, userPath, writeJson } from "../saved.js";
import { TIMING_FLAGS } from "../device.js";
import { defaultOptions, runGpuReport, type GpuReport, type GpuReportOptions } from "../../roofline/report.js";
import { renderGpuReport } from "../text/gpu.js";

interface Setting {
  readonly environment: Environment;
  readonly arguments: readonly string[];
  readonly onProgress: (what: string, done: number) => Promise<void>;
}

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

/**
 * `bench gpu`. @returns what to print, and whether anything was wrong or failed
 * @throws UnsupportedError where there is no WebGPU device
 */
export async function gpuReportCommand(
  given: GpuOptions,
  { environment, arguments: args, onProgress }: Setting,
  colour: boolean,
): Promise<{ text: string; failed: boolean }> {
  // Dawn is loaded only where it is asked for.
  const { createWebGpuBackend, nodeGpu } = await import("@dlrt/backend-webgpu/node");
  const backend = await createWebGpuBackend({ gpu: await nodeGpu(TIMING_FLAGS) });
  let report: GpuReport;
  try {
    const options = gpuOptions(given, backend.supports.software === true);
    report = await runGpuReport({ backend, environment, arguments: args, options, onProgress });
  } finally {
    await backend.dispose();
  }
  if (given.json !== undefined) writeJson(userPath(given.json), report);
  const parts = [renderGpuReport(report, colour)];
  if (given.save) {
    const path = savePath(report, `gpu-${slug(report.device.name)}`);
    writeJson(path, report);
    parts.push(`Saved as ${path}`);
  }
  const failed = report.operations.some(({ status }) => status === "wrong" || status === "failed");
  return { text: parts.join("\n\n"), failed };
}
