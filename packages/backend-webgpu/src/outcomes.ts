import { Contents } from "./contents.js";
import { firstFault, type Faults } from "./faults.js";
import { Pending, type Fate } from "./fates.js";
import type { Placed } from "./kernels/placed.js";
import { Readback } from "./readback.js";
import { Untold } from "./untold.js";

/** Bytes of a buffer, counted from a tensor's offset, among which all its elements are. */
export interface Reach {
  readonly from: number;
  readonly bytes: number;
}

/** What became of all that was asked of the device, and who is told: readers of what a fault spoiled, and `sync`. */
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

  /** A buffer; where the device has no memory for it, whatever is in it is poisoned by a LimitError. */
  create(bytes: number, usage: number, label: string): GPUBuffer {
    const make = (): GPUBuffer => this.#device.createBuffer({ label, size: bytes, usage });
    const [buffer, fault] = this.#faults.guard(label, bytes, make);
    const fate = new Pending(fault);
    this.#contents.allocated(buffer, fate);
    this.#untold.add(fate);
    return buffer;
  }

  /** `work` fills all of `place` by calls on the queue. */
  fill(name: string, place: Placed, work: () => void): void {
    const [, fault] = this.#faults.guard(name, 0, work);
    const fate = new Pending(fault);
    this.#contents.written(place, fate);
    this.#untold.add(fate);
  }

  /** A fault of `fate` is one of the elements at these places, and of nothing else: `sync` is not told. */
  defer(fate: Fate, places: readonly Placed[]): void {
    for (const place of places) this.#contents.add(place, fate);
  }

  /** All elements at `places` come from work with this fate. */
  written(places: readonly Placed[], fate: Fate): void {
    for (const place of places) this.#contents.written(place, fate);
  }

  /** The next `sync` is told of a fault. */
  tell(fate: Fate): void {
    this.#untold.add(fate);
  }

  /** The fate of a buffer's memory, unless that is known to be good. */
  memoryOf(buffer: GPUBuffer): Fate | undefined {
    return this.#contents.allocation(buffer);
  }

  /** Fates of the elements at `place` that are not known to be good. */
  elementsOf(place: Placed): Fate[] {
    return this.#contents.of(place);
  }

  /** The bytes in which the elements are, after all that was submitted. @throws DeviceLostError, or what kept them from being computed */
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

  /** After all that was submitted. @throws DeviceLostError, or the first fault that no `sync` has told */
  async sync(): Promise<void> {
    const told = this.#untold.tell();
    told.catch(() => undefined);
    await this.#faults.orLost(this.#device.queue.onSubmittedWorkDone());
    await this.#faults.orLost(told);
  }
}
