import { Contents } from "./contents.js";
import { firstFault, type Faults } from "./faults.js";
import { Pending, type Fate } from "./fates.js";
import type { Placed } from "./kernels/placed.js";
import { Readback } from "./readback.js";
import { Untold } from "./untold.js";

/** A range of a buffer's bytes, counted from a tensor's offset, within which all the tensor's elements lie. */
export interface Reach {
  readonly from: number;
  readonly bytes: number;
}

/**
 * Knows what became of everything that was asked of the device, and tells those whom it concerns: the readers of what a
 * fault spoiled, and `sync`.
 */
export class Outcomes {
  readonly #device: GPUDevice;
  readonly #faults: Faults;
  readonly #contents = new Contents();
  readonly #untold = new Untold();
  readonly readback: Readback;

  constructor(device: GPUDevice, faults: Faults) {
    this.#device = device;
    this.#faults = faults;
    this.readback = new Readback(device, faults);
  }

  /**
   * Creates a buffer. Where the device has no memory for it, whatever is written into it is poisoned by a LimitError.
   */
  create(bytes: number, usage: number, label: string): GPUBuffer {
    const make = (): GPUBuffer => this.#device.createBuffer({ label, size: bytes, usage });
    const [buffer, fault] = this.#faults.guard(label, bytes, make);
    const fate = new Pending(fault);
    this.#contents.allocated(buffer, fate);
    this.#untold.add(fate);
    return buffer;
  }

  /** Runs `work`, which fills all of `place` by calls on the queue. */
  fill(name: string, place: Placed, work: () => void): void {
    const [, fault] = this.#faults.guard(name, 0, work);
    const fate = new Pending(fault);
    this.#contents.written(place, fate);
    this.#untold.add(fate);
  }

  /**
   * Makes a fault of `fate` one of the elements at these places and of nothing else, so that `sync` is not told of it.
   */
  defer(fate: Fate, places: readonly Placed[]): void {
    for (const place of places) this.#contents.add(place, fate);
  }

  /** Says that all elements at `places` now come from work with this fate. */
  written(places: readonly Placed[], fate: Fate): void {
    for (const place of places) this.#contents.written(place, fate);
  }

  /** Has the next `sync` told of a fault of this work. */
  tell(fate: Fate): void {
    this.#untold.add(fate);
  }

  /** Returns the fate of a buffer's memory, unless that is known to be good. */
  memoryOf(buffer: GPUBuffer): Fate | undefined {
    return this.#contents.allocation(buffer);
  }

  /** Returns those fates of the elements at `place` that are not known to be good. */
  elementsOf(place: Placed): Fate[] {
    return this.#contents.of(place);
  }

  /**
   * Reads the bytes in which the elements are, after all work that was submitted. Throws a DeviceLostError, or the
   * fault that kept the elements from being computed.
   */
  async read(place: Placed, { from, bytes }: Reach): Promise<ArrayBuffer> {
    this.#faults.assertNotLost();
    const fates = [this.memoryOf(place.buffer), ...this.elementsOf(place)];
    const verdict = firstFault(fates.flatMap((fate) => fate?.verdict() ?? []));
    const copied = this.readback.fetch(place.buffer, place.offset + from, bytes);
    copied.catch(() => undefined); // the verdict comes first
    const cause = await this.#faults.orLost(verdict);
    if (cause) throw cause;
    return copied;
  }

  /**
   * Waits for all work that was submitted. Throws a DeviceLostError, or the first fault that no `sync` has told yet.
   */
  async sync(): Promise<void> {
    const told = this.#untold.tell();
    told.catch(() => undefined);
    await this.#faults.orLost(this.#device.queue.onSubmittedWorkDone());
    await this.#faults.orLost(told);
  }
}
