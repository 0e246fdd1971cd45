import type { WebGpuBackend } from "@dlrt/backend-webgpu";
import { median } from "simple-statistics";
import { isRight, type Verdict } from "../accuracy.js";
import type { Run } from "../operations/operation.js";
import { summarise, type Timing } from "../stats.js";
import { DispatchTimer, duration, type Dispatch } from "./dispatch-timer.js";
import type { GpuOperation } from "./operations.js";
import type { Roofline } from "./roofline.js";
import type { ChunkedSizes, Work } from "./work.js";

/** One shader's part in a call. */
export interface KernelReport {
  readonly shader: string;
  readonly dispatches: number;
  /** Of all its dispatches. */
  readonly ms: number;
  /** Absent where its work is not counted: copies that pad. */
  readonly reached?: Reached;
}

/** What a time says beside the roofline. */
export interface Reached {
  /** 10⁹ flops per second. */
  readonly gflops: number;
  /** 10⁹ bytes per second of those that must move. */
  readonly gbs: number;
  /** Flops per byte that must move. */
  readonly intensity: number;
  /** min(peak, intensity · bandwidth), 10⁹ flops per second. */
  readonly bound: number;
  /** The time the roofline allows over the time taken: gflops / bound. */
  readonly share: number;
}

/** One operation at one size. Only a right answer has times. */
export type OperationReport = {
  readonly operation: string;
  readonly sizes: ChunkedSizes;
} & (
  | { readonly status: "failed" | "skipped"; readonly reason: string }
  | { readonly status: "wrong"; readonly error: { readonly value: number | null; readonly limit: number } }
  | {
      readonly status: "ok";
      readonly error: { readonly value: number; readonly limit: number };
      /** From the call until the device is idle, by the host's clock. */
      readonly call: Timing;
      /** Useful flops over the median call, 10⁹/s. */
      readonly gflops: number;
      /** The whole call beside the roofline of its kernels one after the other. */
      readonly share: number;
      /** By timestamps. Absent where the device has none. */
      readonly device?: DeviceTimes;
    }
);

export interface DeviceTimes {
  /** ms from the first dispatch's begin to the last one's end. */
  readonly span: number;
  /** ms of all dispatches. */
  readonly kernels: number;
  /** ms inside the span when no dispatch ran: barriers, clears, copies, the timestamps themselves. */
  readonly gaps: number;
  readonly shaders: readonly KernelReport[];
}

export interface KernelOptions {
  /** Calls by the host's clock, and as many by timestamps. */
  readonly repetitions: number;
  /** ms of calls before, so that the device's clock is up. */
  readonly warmUp: number;
}

const NANOSECONDS = 1e6;

/** ms that the roofline allows. */
export function leastTime({ flops, bytes }: Work, { peak, bandwidth }: Roofline): number {
  return Math.max(flops / peak, bytes / bandwidth) / 1e6;
}

export function reachedIn(ms: number, work: Work, roofline: Roofline): Reached {
  const { flops, bytes } = work;
  const intensity = flops / bytes;
  return {
    gflops: flops / ms / 1e6,
    gbs: bytes / ms / 1e6,
    intensity,
    bound: Math.min(roofline.peak, intensity * roofline.bandwidth),
    share: leastTime(work, roofline) / ms,
  };
}

/** ms when at least one of the dispatches, in order of their begin, was running. */
function busy(dispatches: readonly Dispatch[]): number {
  let [until, total] = [0, 0];
  for (const { begin, end } of dispatches) {
    total += Math.max(0, end - Math.max(begin, until));
    until = Math.max(until, end);
  }
  return total / NANOSECONDS;
}

/** Medians over calls. @param calls the dispatches of each call, the same shaders in all */
export function deviceTimes(
  calls: readonly (readonly Dispatch[])[],
  operation: Pick<GpuOperation, "work">,
  roofline: Roofline,
): DeviceTimes {
  const shaders = [...new Set(calls[0]!.map(({ shader }) => shader))].map((shader): KernelReport => {
    const own = calls.map((call) => call.filter((dispatch) => dispatch.shader === shader));
    const ms = median(own.map((call) => call.reduce((sum, one) => sum + duration(one), 0) / NANOSECONDS));
    const work = operation.work[shader];
    return {
      shader,
      dispatches: own[0]!.length,
      ms,
      ...(work && { reached: reachedIn(ms, work, roofline) }),
    };
  });
  const spans = calls.map((call) => Math.max(...call.map(({ end }) => end)) / NANOSECONDS);
  return {
    span: median(spans),
    kernels: median(calls.map((call) => call.reduce((sum, one) => sum + duration(one), 0) / NANOSECONDS)),
    gaps: median(calls.map((call, index) => spans[index]! - busy(call))),
    shaders,
  };
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
  return { ...host, device: deviceTimes(calls, operation, roofline) };
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
    const { value, limit } = verdict;
    if (!isRight(verdict)) {
      return { ...base, status: "wrong", error: { value: Number.isFinite(value) ? value : null, limit } };
    }
    const times = await timed(backend, run, operation, roofline, repetitions);
    return { ...base, status: "ok", error: { value, limit }, ...times };
  } catch (error) {
    return { ...base, status: "failed", reason: error instanceof Error ? error.message : String(error) };
  } finally {
    run?.close();
  }
}
