import type { Faults } from "./faults.js";
import { Pending } from "./fates.js";
import { Marks } from "./marks.js";
import type { Outcomes } from "./outcomes.js";
import { Recorded } from "./recorded.js";
import type { Recorder } from "./recorder.js";

/**
 * What goes into callers' encoders. A recording is open from the call of `record` until the caller disposes it, which
 * may be after other recordings have been opened, and after work of the backend's own.
 */
export class Recordings {
  readonly #faults: Faults;
  readonly #outcomes: Outcomes;
  readonly #marks: Marks;
  readonly #retire: (buffer: GPUBuffer) => void;
  readonly #open = new Map<Recorder, Recorded>();

  /** @param retire destroys a buffer when no command recorded so far needs it any more */
  constructor(device: GPUDevice, faults: Faults, outcomes: Outcomes, retire: (buffer: GPUBuffer) => void) {
    this.#faults = faults;
    this.#outcomes = outcomes;
    this.#retire = retire;
    this.#marks = new Marks({
      create: (bytes, usage, label) => outcomes.create(bytes, usage, label),
      write: (buffer, data) => device.queue.writeBuffer(buffer, 0, data),
      fetch: (buffer, offset, bytes) => outcomes.readback.fetch(buffer, offset, bytes),
    });
  }

  /** Returns the fate of what this recorder records, while its recording is open. */
  of(recorder: Recorder): Recorded | undefined {
    return this.#open.get(recorder);
  }

  /** The recorder of the recording that was opened last. */
  get newest(): Recorder | undefined {
    return [...this.#open.keys()].at(-1);
  }

  /**
   * Runs `work`, which records into the recorder's encoder, and then ends the recording of commands, the last of which
   * sets a mark. Where `work` throws, the recording is closed at once, and this throws the same.
   */
  fill(recorder: Recorder, work: () => void): void {
    const recorded = new Recorded((mark) => this.#marks.isSet(mark));
    this.#open.set(recorder, recorded);
    try {
      work();
    } catch (error) {
      recorded.fail(error);
      throw error;
    } finally {
      const [, fault] = this.#faults.guard("record", 0, () => {
        if (recorded.used && !recorded.cause) {
          recorded.mark = this.#marks.make((...copy) => recorder.copy(...copy));
        }
        recorder.finish();
      });
      recorded.add(fault);
      if (recorded.cause) this.close(recorder);
    }
  }

  /** Frees what a recording needed, once the caller has submitted its encoder, or never will. */
  close(recorder: Recorder): void {
    const recorded = this.#open.get(recorder);
    if (!recorded) return;
    this.#open.delete(recorder);
    const thrown = recorded.cause; // whoever called `record` has already been told of this
    const verdict = recorded.close();
    if (recorded.used && !thrown) this.#outcomes.tell(new Pending(verdict));
    void verdict.then(() => recorded.mark && this.#marks.release(recorded.mark));
    for (const buffer of recorder.takeRetired()) this.#retire(buffer);
    recorder.destroy();
  }

  closeAll(): void {
    for (const recorder of [...this.#open.keys()]) this.close(recorder);
  }

  /** Destroys the marks. It is called when nobody looks at one any more. */
  destroy(): void {
    this.#marks.destroy();
  }
}
