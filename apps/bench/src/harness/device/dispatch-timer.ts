import { COPY_DST, COPY_SRC, MAP_MODE_READ, MAP_READ, QUERY_RESOLVE } from "./usage.js";

/** When one dispatch ran, in ns from the beginning of the first one, by the device's clock. */
export interface Dispatch {
  /** The label of its pipeline. */
  readonly shader: string;
  readonly begin: number;
  readonly end: number;
}

export const duration = ({ begin, end }: Dispatch): number => end - begin;

/** The most timestamps that one WebGPU query set can hold. */
const QUERIES = 4096;
const BYTES = 8;

/** What one call of `time` gathers: two queries for every dispatch. */
class Session {
  readonly shaders: string[] = [];
  readonly #sets: GPUQuerySet[] = [];

  constructor(readonly device: GPUDevice) {}

  /** Returns the timestamp writes of the dispatch that is recorded next. */
  writes(shader: string): GPUComputePassTimestampWrites {
    const at = (2 * this.shaders.length) % QUERIES;
    if (at === 0) this.#sets.push(this.device.createQuerySet({ type: "timestamp", count: QUERIES }));
    this.shaders.push(shader);
    return {
      querySet: this.#sets.at(-1)!,
      beginningOfPassWriteIndex: at,
      endOfPassWriteIndex: at + 1,
    };
  }

  async resolve(): Promise<Dispatch[]> {
    const size = Math.max(1, this.#sets.length) * QUERIES * BYTES;
    const resolved = this.device.createBuffer({ size, usage: QUERY_RESOLVE | COPY_SRC });
    const staging = this.device.createBuffer({ size, usage: MAP_READ | COPY_DST });
    try {
      const encoder = this.device.createCommandEncoder();
      for (const [index, set] of this.#sets.entries()) {
        const count = Math.min(QUERIES, 2 * this.shaders.length - index * QUERIES);
        encoder.resolveQuerySet(set, 0, count, resolved, index * QUERIES * BYTES);
      }
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
      this.device.queue.submit([encoder.finish()]);
      await staging.mapAsync(MAP_MODE_READ);
      const stamps = new BigUint64Array(staging.getMappedRange());
      const since = (index: number): number => Number(stamps[index]! - stamps[0]!);
      return this.shaders.map((shader, i) => ({ shader, begin: since(2 * i), end: since(2 * i + 1) }));
    } finally {
      resolved.destroy();
      staging.destroy();
      for (const set of this.#sets) set.destroy();
    }
  }
}

/** Stands in for a compute pass: every dispatch gets a real pass of its own, with timestamps. */
class TimedPass {
  readonly #begin: (of: GPUComputePassDescriptor) => GPUComputePassEncoder;
  readonly #session: Session;
  #pipeline: GPUComputePipeline | undefined;
  readonly #groups = new Map<number, GPUBindGroup>();

  constructor(begin: (of: GPUComputePassDescriptor) => GPUComputePassEncoder, session: Session) {
    this.#begin = begin;
    this.#session = session;
  }

  setPipeline(pipeline: GPUComputePipeline): void {
    this.#pipeline = pipeline;
  }

  setBindGroup(index: number, group: GPUBindGroup): void {
    this.#groups.set(index, group);
  }

  dispatchWorkgroups(x: number, y = 1, z = 1): void {
    const pipeline = this.#pipeline!;
    const pass = this.#begin({ timestampWrites: this.#session.writes(pipeline.label) });
    pass.setPipeline(pipeline);
    for (const [index, group] of this.#groups) pass.setBindGroup(index, group);
    pass.dispatchWorkgroups(x, y, z);
    pass.end();
  }

  end(): void {
    this.#groups.clear();
  }
}

/**
 * Times every dispatch on its own, whoever records it, without any change to the code that does. While `time` runs, the
 * device's command encoders put each dispatch into a pass with timestamps.
 */
export class DispatchTimer {
  readonly #device: GPUDevice;

  private constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** undefined where the device has no timestamps. */
  static of(device: GPUDevice): DispatchTimer | undefined {
    return device.features.has("timestamp-query") ? new DispatchTimer(device) : undefined;
  }

  /** @param work submits all it records; labels its pipelines; sets no bind group's dynamic offsets */
  async time(work: () => void | Promise<void>): Promise<Dispatch[]> {
    const device = this.#device;
    const session = new Session(device);
    const create = device.createCommandEncoder.bind(device);
    device.createCommandEncoder = (descriptor) => {
      const encoder = create(descriptor);
      const begin = encoder.beginComputePass.bind(encoder);
      encoder.beginComputePass = () => new TimedPass(begin, session) as unknown as GPUComputePassEncoder;
      return encoder;
    };
    try {
      await work();
    } finally {
      // What stood in for the prototype's method is removed.
      delete (device as { createCommandEncoder?: unknown }).createCommandEncoder;
    }
    return session.resolve();
  }
}
