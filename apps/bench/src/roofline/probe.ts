import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DispatchTimer, duration, usage } from "../harness/index.js";

/** The threads of a workgroup. */
export const THREADS = 256;
const REPETITIONS = 5;
const NANOSECONDS = 1e6;

/** Reads a shader that lies beside this module's source, from where the compiled module finds it too. */
const shader = (name: string): string =>
  readFileSync(join(import.meta.dirname, "..", "..", "src", "roofline", name), "utf8");

/** A shader of this folder, bound to its buffers. */
export class Kernel {
  readonly #device: GPUDevice;
  readonly #timer: DispatchTimer | undefined;
  readonly #pipeline: GPUComputePipeline;
  readonly #group: GPUBindGroup;

  constructor(
    device: GPUDevice,
    label: string,
    buffers: readonly GPUBuffer[],
    constants: Readonly<Record<string, number>>,
  ) {
    this.#device = device;
    this.#timer = DispatchTimer.of(device);
    const module = device.createShaderModule({ label, code: shader(label) });
    const compute = { module, entryPoint: "main", constants: { THREADS, ...constants } };
    this.#pipeline = device.createComputePipeline({ label, layout: "auto", compute });
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    this.#group = device.createBindGroup({ layout: this.#pipeline.getBindGroupLayout(0), entries });
  }

  /** Returns the ms of one dispatch. */
  async time(workgroups: number): Promise<number> {
    if (this.#timer) {
      const [only] = await this.#timer.time(() => this.#run(workgroups));
      return duration(only!) / NANOSECONDS;
    }
    const start = performance.now();
    await this.#run(workgroups);
    return performance.now() - start;
  }

  /** Returns the ms of the fastest of some dispatches. */
  async best(workgroups: number): Promise<number> {
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < REPETITIONS; i++) best = Math.min(best, await this.time(workgroups));
    return best;
  }

  async #run(workgroups: number): Promise<void> {
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(0, this.#group);
    pass.dispatchWorkgroups(workgroups);
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
    await this.#device.queue.onSubmittedWorkDone();
  }
}

/** Buffers that are destroyed together, whatever happens. */
export class Buffers {
  readonly #live: GPUBuffer[] = [];

  constructor(readonly device: GPUDevice) {}

  create(size: number, usage: number): GPUBuffer {
    const buffer = this.device.createBuffer({ size, usage });
    this.#live.push(buffer);
    return buffer;
  }

  /** Maps the first `size` bytes while `look` runs. */
  async read<R>(buffer: GPUBuffer, size: number, look: (bytes: ArrayBuffer) => R): Promise<R> {
    const staging = this.create(size, usage.MAP_READ | usage.COPY_DST);
    const encoder = this.device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, size);
    this.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(usage.MAP_MODE_READ);
    const result = look(staging.getMappedRange());
    staging.destroy();
    return result;
  }

  destroy(): void {
    for (const buffer of this.#live.splice(0)) buffer.destroy();
  }
}
