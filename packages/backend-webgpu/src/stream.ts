import type { Faults } from "./faults.js";
import type { Pipelines } from "./pipelines.js";
import { Recorder } from "./recorder.js";
import { COPY_DST, MAP_MODE_READ, MAP_READ } from "./usage.js";

export interface StreamLimits {
  /** Floating-point operations after which work is submitted, so that no submit runs into a watchdog. */
  readonly submitFlops: number;
  /** Bytes of scratch kept between operations. */
  readonly keepBytes: number;
}

/** The order of things: all work of a backend goes through one stream, recorded now and submitted late. */
export class Stream {
  readonly device: GPUDevice;
  readonly faults: Faults;
  readonly pipelines: Pipelines;
  readonly #limits: StreamLimits;
  readonly #own: Recorder;
  readonly #open = new Set<Recorder>();
  #current: Recorder;
  #flops = 0;
  /** Submits made, for tests and the curious. */
  submits = 0;

  constructor(device: GPUDevice, faults: Faults, pipelines: Pipelines, limits: StreamLimits) {
    this.device = device;
    this.faults = faults;
    this.pipelines = pipelines;
    this.#limits = limits;
    this.#own = this.#recorder();
    this.#current = this.#own;
  }

  get recorder(): Recorder {
    return this.#current;
  }

  /** A buffer whose failure to be allocated becomes a LimitError at the next `read` or `sync`. */
  create(bytes: number, usage: number, label: string): GPUBuffer {
    return this.faults.guard(label, bytes, () => this.device.createBuffer({ label, size: bytes, usage }));
  }

  /** Runs one operation: its errors are caught, its scratch is free again afterwards. */
  operation(name: string, work: () => void): void {
    this.faults.guard(name, 0, () => {
      try {
        work();
      } finally {
        for (const buffer of this.#current.scratch.release()) this.#current.retire(buffer);
      }
    });
  }

  /** Told of work just recorded; submits once enough has gathered. */
  spent(flops: number): void {
    this.#flops += flops;
    if (this.#flops >= this.#limits.submitFlops && this.#current === this.#own) this.flush();
  }

  flush(): void {
    this.#flops = 0;
    if (this.#own.empty) return;
    this.faults.guard("submit", 0, () => {
      const encoder = this.#own.finish();
      if (encoder) this.device.queue.submit([encoder.finish()]);
      this.submits += 1;
    });
    this.#own.submitted();
  }

  /** Records what `work` enqueues into the caller's encoder; the result frees its scratch, after the caller's submit. */
  record(encoder: GPUCommandEncoder, work: () => void): () => void {
    this.flush();
    const recorder = this.#recorder(encoder);
    const before = this.#current;
    this.#current = recorder;
    this.#open.add(recorder);
    try {
      work();
    } finally {
      recorder.finish();
      this.#current = before;
    }
    return () => {
      if (!this.#open.delete(recorder)) return;
      recorder.handOver(this.#own);
      recorder.destroy();
    };
  }

  /** Destroys `buffer` when no command recorded so far still needs it. */
  retire(buffer: GPUBuffer): void {
    const recording = [...this.#open].at(-1);
    (recording ?? this.#own).retire(buffer);
  }

  /** The bytes of a buffer, after all work before. One staging buffer, destroyed at the end. */
  async read(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    if (bytes === 0) {
      this.flush();
      await this.faults.settle();
      return new ArrayBuffer(0);
    }
    const staging = this.create(bytes, MAP_READ | COPY_DST, "read");
    try {
      this.#own.copy(buffer, offset, staging, 0, bytes);
      this.flush();
      const mapped = this.faults.orLost(staging.mapAsync(MAP_MODE_READ)).then(
        () => undefined,
        (error: unknown) => error,
      );
      await this.faults.settle();
      const failed = await mapped;
      if (failed) throw failed;
      return staging.getMappedRange().slice(0);
    } finally {
      staging.destroy();
    }
  }

  async sync(): Promise<void> {
    this.flush();
    await this.faults.orLost(this.device.queue.onSubmittedWorkDone());
    await this.faults.settle();
  }

  destroy(): void {
    this.flush();
    for (const recorder of this.#open) recorder.destroy();
    this.#open.clear();
    this.#own.destroy();
  }

  #recorder(encoder?: GPUCommandEncoder): Recorder {
    const create = (bytes: number, usage: number): GPUBuffer => this.create(bytes, usage, "scratch");
    return new Recorder(this.device, this.pipelines, create, this.#limits.keepBytes, encoder);
  }
}
