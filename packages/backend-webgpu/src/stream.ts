import type { Faults } from "./faults.js";
import { Failed, Joint, Pending, Submission, type Fate } from "./fates.js";
import type { Placed } from "./kernels/placed.js";
import { Marks } from "./marks.js";
import { Outcomes, type Reach } from "./outcomes.js";
import type { Pipelines } from "./pipelines.js";
import { Recorded } from "./recorded.js";
import { Recorder } from "./recorder.js";

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
  readonly #marks: Marks;
  readonly #own: Recorder;
  readonly #open = new Map<Recorder, Recorded>();
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
    this.#marks = new Marks({
      create: (bytes, usage, label) => this.outcomes.create(bytes, usage, label),
      write: (buffer, data) => device.queue.writeBuffer(buffer, 0, data),
      fetch: (buffer, offset, bytes) => this.outcomes.readback.fetch(buffer, offset, bytes),
    });
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
    const recorded = new Recorded((mark) => this.#marks.isSet(mark));
    const outer = this.#current;
    this.#current = recorder;
    this.#open.set(recorder, recorded);
    try {
      work();
    } catch (error) {
      recorded.fail(error);
      throw error;
    } finally {
      const [, fault] = this.faults.guard("record", 0, () => {
        if (recorded.used && !recorded.cause) {
          recorded.mark = this.#marks.make((...copy) => recorder.copy(...copy));
        }
        recorder.finish();
      });
      recorded.add(fault);
      this.#current = outer;
      if (recorded.cause) this.#close(recorder);
    }
    return () => {
      if (this.#open.has(recorder)) this.#close(recorder);
    };
  }

  /** Destroys `buffer` when no command recorded so far still needs it. */
  retire(buffer: GPUBuffer): void {
    const recording = [...this.#open.keys()].at(-1);
    (recording ?? this.#own).retire(buffer);
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
    for (const recorder of [...this.#open.keys()]) this.#close(recorder);
    await this.outcomes.readback.idle();
    this.#own.destroy();
    this.#marks.destroy();
  }

  get #unit(): Unit {
    return this.#open.get(this.#current) ?? this.#submission;
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

  #close(recorder: Recorder): void {
    const recorded = this.#open.get(recorder)!;
    this.#open.delete(recorder);
    const thrown = recorded.cause; // whoever called `record` has already been told of this
    const verdict = recorded.close();
    if (recorded.used && !thrown) this.outcomes.tell(new Pending(verdict));
    void verdict.then(() => recorded.mark && this.#marks.release(recorded.mark));
    for (const buffer of recorder.takeRetired()) this.retire(buffer);
    recorder.destroy();
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
