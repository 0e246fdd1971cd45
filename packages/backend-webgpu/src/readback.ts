import { UnsupportedError } from "@dlrt/core";
import { asError, type Faults } from "./faults.js";
import { COPY_DST, MAP_MODE_READ, MAP_READ } from "./usage.js";

/**
 * Brings bytes to the host. Each read is a submission of its own, so that no read can spoil work that is being
 * recorded.
 */
export class Readback {
  readonly #device: GPUDevice;
  readonly #faults: Faults;
  readonly #underway = new Set<Promise<unknown>>();

  constructor(device: GPUDevice, faults: Faults) {
    this.#device = device;
    this.#faults = faults;
  }

  /** The bytes as they are after all that has been submitted. @throws DeviceLostError, LimitError, UnsupportedError */
  fetch(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    const fetching = this.#fetch(buffer, offset, bytes);
    const settled: Promise<unknown> = fetching
      .catch(() => undefined)
      .finally(() => this.#underway.delete(settled));
    this.#underway.add(settled);
    return fetching;
  }

  /** Resolves once no read is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#underway);
  }

  async #fetch(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    if (bytes === 0) return new ArrayBuffer(0);
    const copy = (): GPUBuffer => {
      const to = this.#device.createBuffer({ label: "read", size: bytes, usage: MAP_READ | COPY_DST });
      const encoder = this.#device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, offset, to, 0, bytes);
      this.#device.queue.submit([encoder.finish()]);
      return to;
    };
    const [[staging, mapping], fault] = this.#faults.guard("read", bytes, () => {
      const to = copy();
      return [to, to.mapAsync(MAP_MODE_READ).then(() => undefined, asError)] as const;
    });
    try {
      const cause = await this.#faults.orLost(fault);
      if (cause) throw cause;
      const refused = await this.#faults.orLost(mapping);
      if (refused) throw await this.#reason(refused);
      return staging.getMappedRange().slice(0);
    } finally {
      staging.destroy();
    }
  }

  /**
   * Finds out why a buffer could not be mapped. A lost device may refuse to map before it says that it is lost, and is
   * therefore asked for one more answer.
   */
  async #reason(refused: Error): Promise<Error> {
    const [, answer] = this.#faults.guard("read", 0, () => undefined);
    await answer;
    return this.#faults.lost ?? new UnsupportedError("read", "a buffer the device maps", refused.message);
  }
}
