import type { Faults } from "./faults.js";
import { Failed, Joint, Pending, Submission, type Fate } from "./fates.js";
import type { Placed } from "./kernels/placed.js";
import { Outcomes, type Reach } from "./outcomes.js";
import type { Pipelines } from "./pipelines.js";
import type { Recorded } from "./recorded.js";
import { Recorder } from "./recorder.js";
import { Recordings } from "./recordings.js";

export interface StreamLimits {
  /**
   * The number of floating-point operations after which work is submitted, so that no submit runs into a watchdog of
   * the driver.
   */
  readonly submitFlops: number;
  /** How many bytes of scratch are kept between operations. */
  readonly keepBytes: number;
}

/** The tensors that one operation touches. Every element of those it writes is written. */
export interface Touched {
  readonly reads: readonly Placed[];
  readonly writes: readonly Placed[];
}

/** The unit in which recorded work is carried out or fails. */
type Unit = Submission | Recorded;

/** An operation that is being recorded: the units that its work goes to, and its error scopes. */
interface Running {
  readonly name: string;
  readonly units: Set<Unit>;
  close: () => void;
}

/**
 * Keeps things in order: all work of a backend goes through one stream, which records it at once and submits it later.
 */
export class Stream {
  readonly device: GPUDevice;
  readonly faults: Faults;
  readonly outcomes: Outcomes;
  readonly pipelines: Pipelines;
  readonly #limits: StreamLimits;
  readonly #recordings: Recordings;
  readonly #own: Recorder;
  #submission = new Submission();
  #current: Recorder;
  #during: Running | undefined;
  #flops = 0;
  /** The number of submits of recorded work so far. Tests look at it. */
  submits = 0;

  constructor(device: GPUDevice, faults: Faults, pipelines: Pipelines, limits: StreamLimits) {
    this.device = device;
    this.faults = faults;
    this.pipelines = pipelines;
    this.#limits = limits;
    this.outcomes = new Outcomes(device, faults);
    this.#recordings = new Recordings(device, faults, this.outcomes, (buffer) => this.retire(buffer));
    this.#own = this.#recorder();
    this.#current = this.#own;
  }

  get recorder(): Recorder {
    return this.#current;
  }

  /**
   * Runs one operation, with its errors caught; its scratch is free again afterwards. What it writes shares the fate
   * of the submissions it went into and of what it read. Where that is known to be bad, nothing is recorded.
   */
  operation(name: string, { reads, writes }: Touched, work: () => void): void {
    const memory: Fate[] = [];
    const inputs: Fate[] = [];
    for (const place of reads) inputs.push(...this.outcomes.elementsOf(place));
    for (const { buffer } of [...reads, ...writes]) {
      const fate = this.outcomes.memoryOf(buffer);
      if (fate) memory.push(fate);
    }
    const broken = [...memory, ...inputs].find((fate) => fate.cause !== undefined);
    if (broken) {
      this.outcomes.written(writes, new Failed(broken.cause));
      return;
    }
    for (const fate of memory) this.#unit.add(fate.verdict());
    const running = this.#watch({ name, units: new Set(), close: () => undefined });
    this.#during = running;
    try {
      work();
      this.outcomes.written(writes, this.#joint(inputs, running.units));
    } catch (error) {
      this.outcomes.written(writes, new Failed(error));
      throw error;
    } finally {
      for (const buffer of this.#current.scratch.release()) this.#current.retire(buffer);
      running.close();
      this.#during = undefined;
    }
  }

  /** Is told how many floating-point operations have just been recorded, and submits once enough have gathered. */
  spent(flops: number): void {
    this.#flops += flops;
    if (this.#flops >= this.#limits.submitFlops && this.#current === this.#own) this.flush();
  }

  flush(): void {
    this.#flops = 0;
    const submission = this.#submission;
    if (this.#own.empty && !submission.used) return;
    this.#during?.close();
    if (!this.#own.empty) {
      const [, fault] = this.faults.guard("submit", 0, () => {
        const encoder = this.#own.finish();
        if (encoder) this.device.queue.submit([encoder.finish()]);
      });
      this.submits += 1;
      submission.add(fault);
      this.#own.submitted();
    }
    submission.submitted();
    this.outcomes.tell(submission.fate);
    this.#submission = new Submission();
    if (this.#during) this.#watch(this.#during);
  }

  /**
   * Records what `work` enqueues into the caller's encoder. The function that it returns frees the scratch, and is to
   * be called after the caller's submit. Where `work` throws, everything is freed at once, and what the encoder then
   * holds must not be submitted.
   */
  record(encoder: GPUCommandEncoder, work: () => void): () => void {
    this.flush();
    const recorder = this.#recorder(encoder);
    const outer = this.#current;
    this.#current = recorder;
    try {
      this.#recordings.fill(recorder, work);
    } finally {
      this.#current = outer;
    }
    return () => this.#recordings.close(recorder);
  }

  /** Destroys `buffer` when no command recorded so far still needs it. */
  retire(buffer: GPUBuffer): void {
    (this.#recordings.newest ?? this.#own).retire(buffer);
  }

  /** The elements, after all work before. @throws as `Outcomes.read` */
  read(place: Placed, reach: Reach): Promise<ArrayBuffer> {
    this.flush();
    return this.outcomes.read(place, reach);
  }

  /** After all work before. @throws as `Outcomes.sync` */
  sync(): Promise<void> {
    this.flush();
    return this.outcomes.sync();
  }

  /** Waits for the reads under way, then frees everything. */
  async destroy(): Promise<void> {
    this.flush();
    this.#recordings.closeAll();
    await this.outcomes.readback.idle();
    this.#own.destroy();
    this.#recordings.destroy();
  }

  get #unit(): Unit {
    return this.#recordings.of(this.#current) ?? this.#submission;
  }

  /** Makes the fate of what was computed from `inputs` in these units. */
  #joint(inputs: readonly Fate[], units: ReadonlySet<Unit>): Fate {
    for (const unit of units) unit.used = true;
    const own = [...units].map((unit) => unit.fate);
    const before = inputs.filter((fate) => !own.includes(fate));
    if (before.length === 0 && own.length === 1) return own[0]!;
    const joint = new Joint([...before, ...own]);
    // The inputs are asked now: what has not been submitted by now comes after this operation. Only what is recorded
    // for the same caller's encoder may still come before it.
    return this.#current === this.#own ? new Pending(joint.verdict()) : joint;
  }

  /** Opens error scopes for what the operation records from here on. */
  #watch(running: Running): Running {
    const unit = this.#unit;
    running.units.add(unit);
    const close = this.faults.watch(running.name, 0);
    running.close = () => unit.add(close());
    return running;
  }

  #recorder(encoder?: GPUCommandEncoder): Recorder {
    const create = (bytes: number, usage: number, label: string): GPUBuffer => {
      const buffer = this.outcomes.create(bytes, usage, label);
      const made = this.outcomes.memoryOf(buffer)?.verdict();
      void made?.then((cause) => cause && recorder.drop(buffer));
      return buffer;
    };
    const using = (buffer: GPUBuffer): void => {
      const fate = this.outcomes.memoryOf(buffer);
      if (fate) this.#unit.add(fate.verdict());
    };
    const buffers = { create, using, keepBytes: this.#limits.keepBytes };
    const recorder = new Recorder(this.device, this.pipelines, buffers, encoder);
    return recorder;
  }
}
