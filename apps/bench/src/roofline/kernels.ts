import type { WebGpuBackend } from "@dlrt/backend-webgpu";
import {
  DispatchTimer,
  errorOf,
  isRight,
  messageOf,
  summarise,
  type Dispatch,
  type Run,
  type Timing,
  type Verdict,
} from "../harness/index.js";
import type { GpuOperation } from "./operations.js";
import { deviceTimes, leastTime, type DeviceTimes } from "./reached.js";
import type { Roofline } from "./roofline.js";
import type { ChunkedSizes } from "./work.js";

/** One operation at one size. Only a right answer is timed. */
export type OperationReport = {
  readonly operation: string;
  readonly sizes: ChunkedSizes;
} & (
  | { readonly status: "failed" | "skipped"; readonly reason: string }
  | { readonly status: "wrong"; readonly error: ReturnType<typeof errorOf> }
  | {
      readonly status: "ok";
      readonly error: Verdict;
      /** The time from the call until the device is idle, by the host's clock. */
      readonly call: Timing;
      /** Useful flops over the median call, 10⁹/s. */
      readonly gflops: number;
      /** The time of the roofline for its kernels one after the other, divided by the time of the whole call. */
      readonly share: number;
      /** By timestamps. Absent where the device has none. */
      readonly device?: DeviceTimes;
    }
);

export interface KernelOptions {
  /** How many calls are timed by the host's clock, and again by timestamps. */
  readonly repetitions: number;
  /** For how many ms calls are made before any is timed, so that the device has raised its clock rate. */
  readonly warmUp: number;
}

async function warmUp(run: Run, milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds;
  // The first call compiles.
  await run.call();
  do await run.call();
  while (performance.now() < end);
}

async function timed(
  backend: WebGpuBackend,
  run: Run,
  operation: GpuOperation,
  roofline: Roofline,
  repetitions: number,
): Promise<Pick<Extract<OperationReport, { status: "ok" }>, "call" | "gflops" | "share" | "device">> {
  const samples: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    const start = performance.now();
    await run.call();
    samples.push(performance.now() - start);
  }
  const call = summarise(samples);
  const least = Object.values(operation.work).reduce((sum, work) => sum + leastTime(work, roofline), 0);
  const host = { call, gflops: operation.flops / call.median / 1e6, share: least / call.median };
  const timer = DispatchTimer.of(backend.device);
  if (!timer) return host;
  const calls: Dispatch[][] = [];
  for (let i = 0; i < repetitions; i++) calls.push(await timer.time(() => run.call()));
  return { ...host, device: deviceTimes(calls, operation.work, roofline) };
}

async function judged(run: Run, operation: GpuOperation): Promise<Verdict> {
  const [output] = await run.read();
  const { batch } = operation.sizes;
  return operation.judge(output!.subarray(((batch - 1) * output!.length) / batch));
}

/** Warms up, judges the answer, then times calls, and every dispatch where the device has timestamps. */
export async function measureOperation(
  backend: WebGpuBackend,
  operation: GpuOperation,
  roofline: Roofline,
  { repetitions, warmUp: milliseconds }: KernelOptions,
): Promise<OperationReport> {
  const { name, sizes, tensorBytes } = operation;
  const base = { operation: name, sizes };
  const { maxStorageBufferBindingSize, maxBufferSize } = backend.device.limits;
  if (tensorBytes > Math.min(maxStorageBufferBindingSize, maxBufferSize)) {
    return { ...base, status: "skipped", reason: `a tensor of ${tensorBytes} bytes is more than it binds` };
  }
  let run: Run | undefined;
  try {
    run = operation.open(backend);
    await warmUp(run, milliseconds);
    const verdict = await judged(run, operation);
    if (!isRight(verdict)) return { ...base, status: "wrong", error: errorOf(verdict) };
    const times = await timed(backend, run, operation, roofline, repetitions);
    return { ...base, status: "ok", error: verdict, ...times };
  } catch (error) {
    return { ...base, status: "failed", reason: messageOf(error) };
  } finally {
    run?.close();
  }
}
