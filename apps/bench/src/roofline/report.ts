import type { WebGpuBackend } from "@dlrt/backend-webgpu";
import type { FloatArray } from "@dlrt/core";
import { workloads, type Problem, type ReportOfRun, type Setting } from "../harness/index.js";
import { measureOperation, type KernelOptions, type OperationReport } from "./kernels.js";
import { gpuOperations, withArrays } from "./operations.js";
import { measureRoofline, type Roofline, type RooflineOptions } from "./roofline.js";

/** The version of the format, which changes when the meaning of a field does. */
export const GPU_SCHEMA = "dlrt-gpu/1";

export interface GpuDevice {
  readonly name: string;
  /** Whether the device is software on a CPU, whose figures say nothing about the speed of a GPU. */
  readonly software: boolean;
  /** Whether dispatches are timed by the device's clock. */
  readonly timestamps: boolean;
}

export interface GpuReport extends ReportOfRun {
  readonly schema: typeof GPU_SCHEMA;
  readonly device: GpuDevice;
  readonly roofline: Roofline;
  readonly operations: readonly OperationReport[];
}

export interface GpuReportOptions {
  readonly batch: readonly number[];
  readonly n: readonly number[];
  /** The values of r, and of p where that is not given. */
  readonly d: readonly number[];
  readonly p?: number | undefined;
  /** 16, 32 or 64 */
  readonly chunk: number;
  readonly seed: number;
  /** The most bytes that the inverses may take. The inverse has as many rows as fit, and at most n. */
  readonly inverseBytes: number;
  readonly kernels: KernelOptions;
  readonly roofline: RooflineOptions;
}

export interface GpuReportInput extends Setting {
  readonly backend: WebGpuBackend;
  readonly options: GpuReportOptions;
}

const MIB = 2 ** 20;

/** The sizes of the report where the user does not name any. It takes about a minute on either kind of device. */
export function defaultOptions(software: boolean): Omit<GpuReportOptions, "seed"> {
  return software
    ? {
        batch: [2, 8],
        n: [1024],
        d: [64],
        chunk: 32,
        inverseBytes: 8 * MIB,
        kernels: { repetitions: 3, warmUp: 0 },
        roofline: {
          copyBytes: 8 * MIB,
          copyWorkgroups: [16, 256],
          fmaWorkgroups: [16, 64],
          milliseconds: 5,
        },
      }
    : {
        batch: [8, 64],
        n: [4096],
        d: [64, 128],
        chunk: 64,
        inverseBytes: 512 * MIB,
        kernels: { repetitions: 15, warmUp: 300 },
        roofline: {
          copyBytes: 256 * MIB,
          copyWorkgroups: [65535, 16384, 4096, 1024],
          fmaWorkgroups: [1024, 4096, 16384],
          milliseconds: 2,
        },
      };
}

/**
 * The number of batch entries that are drawn at random. A larger batch repeats these entries, because drawing more
 * random numbers would take longer than the kernels that are measured.
 */
const DISTINCT = 8;

function problemOf(batch: number, n: number, r: number, p: number, seed: number): Problem {
  const made = workloads.random({ batch: Math.min(batch, DISTINCT), n, r, p, dtype: "f32", seed });
  const again = (x: FloatArray): FloatArray => {
    const to = new Float32Array((x.length / made.batch) * batch);
    for (let at = 0; at < to.length; at += x.length) to.set(x.subarray(0, to.length - at), at);
    return to;
  };
  return { ...withArrays(made, again), batch };
}

/** Halves n until the inverses of the whole batch fit. */
function inverseRows(batch: number, n: number, bytes: number): number {
  let rows = n;
  while (rows > 1 && 4 * batch * rows * rows > bytes) rows = Math.ceil(rows / 2);
  return rows;
}

/**
 * The device's roofline, and every kernel beside it.
 * @throws Error where the device did not do what the roofline was timed on
 */
export async function runGpuReport(input: GpuReportInput): Promise<GpuReport> {
  const { backend, environment, options, onProgress } = input;
  const { batch: batches, n: rows, d, chunk, seed } = options;
  const [started, start] = [new Date().toISOString(), performance.now()];
  await onProgress?.("roofline: copy, multiply-add", 0);
  const roofline = await measureRoofline(backend.device, options.roofline);
  const sizes = batches.flatMap((batch) => rows.flatMap((n) => d.map((r) => ({ batch, n, r }))));
  const operations: OperationReport[] = [];
  for (const [index, { batch, n, r }] of sizes.entries()) {
    const problem = problemOf(batch, n, r, options.p ?? r, seed);
    const all = gpuOperations(problem, chunk, inverseRows(batch, n, options.inverseBytes));
    for (const [at, operation] of all.entries()) {
      const done = (1 + index + at / all.length) / (1 + sizes.length);
      await onProgress?.(`${operation.name}, n = ${operation.sizes.n}, ${batch} heads`, done);
      operations.push(await measureOperation(backend, operation, roofline, options.kernels));
    }
  }
  const { build, software } = backend.supports;
  return {
    schema: GPU_SCHEMA,
    started,
    seconds: (performance.now() - start) / 1000,
    arguments: input.arguments,
    ...environment,
    device: {
      name: build,
      software: software === true,
      timestamps: backend.device.features.has("timestamp-query"),
    },
    roofline,
    operations,
  };
}
