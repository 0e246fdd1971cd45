import { DispatchTimer, usage } from "../harness/index.js";
import { Buffers, Kernel, THREADS } from "./probe.js";

const { COPY_DST, COPY_SRC, STORAGE, UNIFORM } = usage;

/** What bounds every kernel on this device, as small kernels reached it here. */
export interface Roofline {
  /** 10⁹ bytes per second that a copy reads and writes, both counted. */
  readonly bandwidth: number;
  /** f32 multiply-adds in registers, 10⁹ flops per second, two per multiply-add. */
  readonly peak: number;
  /**
   * With "clock", the time runs from submit until the device is idle, because it has no timestamps. The figures are
   * then too low by what a submit costs.
   */
  readonly by: "timestamps" | "clock";
  readonly copy: CopyTrial;
  readonly fma: FmaTrial;
}

/** The fastest way to copy that was tried. */
export interface CopyTrial {
  /** The bytes of the source. */
  readonly bytes: number;
  readonly workgroups: number;
  readonly ms: number;
}

/** The fastest multiply-adds that were tried. */
export interface FmaTrial {
  readonly fused: boolean;
  /** How many vec4 that do not depend on each other a thread multiplies. */
  readonly chains: 4 | 8;
  readonly workgroups: number;
  readonly rounds: number;
  readonly ms: number;
}

export interface RooflineOptions {
  /** How many bytes are copied: far more than the caches hold, or less where the device binds less. */
  readonly copyBytes: number;
  readonly copyWorkgroups: readonly number[];
  readonly fmaWorkgroups: readonly number[];
  /** Multiply-adds are repeated until a dispatch takes this long. */
  readonly milliseconds: number;
}

/** This keeps a thread's sum below 2²⁴, at 128 multiply-adds of 1 in a round. */
const MAX_ROUNDS = 2 ** 16;

/** @throws Error where something was not copied */
async function measureCopy(buffers: Buffers, options: RooflineOptions): Promise<CopyTrial> {
  const { device } = buffers;
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  const most = Math.min(options.copyBytes, maxBufferSize, maxStorageBufferBindingSize);
  const bytes = Math.floor(most / 16) * 16;
  const pattern = new Uint32Array(bytes / 4);
  for (let i = 0; i < pattern.length; i++) pattern[i] = Math.imul(i + 1, 0x9e3779b1);
  const source = buffers.create(bytes, STORAGE | COPY_DST);
  const goal = buffers.create(bytes, STORAGE | COPY_DST | COPY_SRC);
  device.queue.writeBuffer(source, 0, pattern);
  const kernel = new Kernel(device, "copy.wgsl", [source, goal], {});
  let best: CopyTrial | undefined;
  for (const workgroups of options.copyWorkgroups) {
    const encoder = device.createCommandEncoder();
    encoder.clearBuffer(goal);
    device.queue.submit([encoder.finish()]);
    await kernel.time(workgroups);
    const ms = await kernel.best(workgroups);
    const right = await buffers.read(goal, bytes, (copied) => {
      const words = new Uint32Array(copied);
      return pattern.every((word, i) => words[i] === word);
    });
    if (!right) throw new Error(`the copy bandwidth was measured on a wrong copy (${workgroups} workgroups)`);
    if (best === undefined || ms < best.ms) best = { bytes, workgroups, ms };
  }
  return best!;
}

/** A thread's sum: eight starts of four components each, and 1 for every multiply-add. */
function expectedSum(thread: number, chains: number, rounds: number): number {
  return 4 * (8 * (thread % 32) + 28) + 16 * chains * rounds;
}

async function measureFma(
  buffers: Buffers,
  options: RooflineOptions,
  fused: boolean,
  chains: 4 | 8,
): Promise<FmaTrial[]> {
  const { device } = buffers;
  const most = THREADS * Math.max(...options.fmaWorkgroups);
  const params = buffers.create(16, UNIFORM | COPY_DST);
  const sums = buffers.create(4 * most, STORAGE | COPY_SRC);
  const constants = { FUSED: fused ? 1 : 0, EIGHT: chains === 8 ? 1 : 0 };
  const kernel = new Kernel(device, "fma.wgsl", [params, sums], constants);
  const setRounds = (rounds: number): void => {
    device.queue.writeBuffer(params, 0, Float32Array.of(1, 1));
    device.queue.writeBuffer(params, 8, Uint32Array.of(rounds));
  };
  const trials: FmaTrial[] = [];
  for (const workgroups of options.fmaWorkgroups) {
    let rounds = 64;
    setRounds(rounds);
    await kernel.time(workgroups);
    while (rounds < MAX_ROUNDS && (await kernel.time(workgroups)) < options.milliseconds) {
      rounds *= 2;
      setRounds(rounds);
    }
    const ms = await kernel.best(workgroups);
    const right = await buffers.read(sums, 4 * THREADS * workgroups, (bytes) =>
      new Float32Array(bytes).every((sum, thread) => sum === expectedSum(thread, chains, rounds)),
    );
    if (!right) throw new Error("the multiply-add peak was measured on a wrong sum");
    trials.push({ fused, chains, workgroups, rounds, ms });
  }
  return trials;
}

/** Returns 10⁹ flops per second: a round of a chain is 16 multiply-adds. */
function fmaRate({ chains, workgroups, rounds, ms }: FmaTrial): number {
  return (2 * 16 * chains * rounds * THREADS * workgroups) / ms / 1e6;
}

/**
 * Copies, and multiplies and adds, in several ways, and takes the fastest of each.
 * @throws Error where the device did not do what was timed
 */
export async function measureRoofline(device: GPUDevice, options: RooflineOptions): Promise<Roofline> {
  const buffers = new Buffers(device);
  try {
    const copy = await measureCopy(buffers, options);
    const trials: FmaTrial[] = [];
    for (const fused of [true, false]) {
      for (const chains of [4, 8] as const) {
        trials.push(...(await measureFma(buffers, options, fused, chains)));
      }
    }
    const fma = trials.reduce((best, trial) => (fmaRate(trial) > fmaRate(best) ? trial : best));
    return {
      bandwidth: (2 * copy.bytes) / copy.ms / 1e6,
      peak: fmaRate(fma),
      by: DispatchTimer.of(device) ? "timestamps" : "clock",
      copy,
      fma,
    };
  } finally {
    buffers.destroy();
  }
}
