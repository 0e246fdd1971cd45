import { median } from "simple-statistics";
import { duration, type Dispatch } from "../harness/index.js";
import type { Roofline } from "./roofline.js";
import type { ShaderWork, Work } from "./work.js";

/** One shader's part of a call. */
export interface KernelReport {
  readonly shader: string;
  readonly dispatches: number;
  /** The ms of all its dispatches. */
  readonly ms: number;
  /** Absent where its work is not counted, as for copies that pad. */
  readonly reached?: Reached;
}

/** What a time means beside the roofline. */
export interface Reached {
  /** 10⁹ flops per second. */
  readonly gflops: number;
  /** The bytes that must move, in 10⁹ per second. */
  readonly gbs: number;
  /** Flops per byte that must move. */
  readonly intensity: number;
  /** min(peak, intensity · bandwidth), 10⁹ flops per second. */
  readonly bound: number;
  /** The time the roofline allows over the time taken: gflops / bound. */
  readonly share: number;
}

export interface DeviceTimes {
  /** ms from the first dispatch's begin to the last one's end. */
  readonly span: number;
  /** ms of all dispatches. */
  readonly kernels: number;
  /** ms inside the span when no dispatch ran: barriers, clears, copies, the timestamps themselves. */
  readonly gaps: number;
  readonly shaders: readonly KernelReport[];
}

const NANOSECONDS = 1e6;

/** ms that the roofline allows. */
export function leastTime({ flops, bytes }: Work, { peak, bandwidth }: Roofline): number {
  return Math.max(flops / peak, bytes / bandwidth) / 1e6;
}

function reachedIn(ms: number, work: Work, roofline: Roofline): Reached {
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
  counted: ShaderWork,
  roofline: Roofline,
): DeviceTimes {
  const shaders = [...new Set(calls[0]!.map(({ shader }) => shader))].map((shader): KernelReport => {
    const own = calls.map((call) => call.filter((dispatch) => dispatch.shader === shader));
    const ms = median(own.map((call) => call.reduce((sum, one) => sum + duration(one), 0) / NANOSECONDS));
    const work = counted[shader];
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
