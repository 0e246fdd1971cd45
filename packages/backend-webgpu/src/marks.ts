import { COPY_DST, COPY_SRC } from "./usage.js";

const BYTES = 4;

interface Device {
  create(bytes: number, usage: number, label: string): GPUBuffer;
  write(buffer: GPUBuffer, data: Uint32Array<ArrayBuffer>): void;
  fetch(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer>;
}

/** Numbers in the device's memory. Each is set by a caller's encoder if, and only if, that encoder is carried out. */
export class Marks {
  readonly #device: Device;
  readonly #marks = new Set<GPUBuffer>();
  /** The buffer that holds the value that a mark is set to. A new buffer holds 0. */
  #one: GPUBuffer | undefined;

  constructor(device: Device) {
    this.#device = device;
  }

  /** Makes a mark, and has `copy` record the command that sets it. */
  make(
    copy: (from: GPUBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, bytes: number) => void,
  ): GPUBuffer {
    if (!this.#one) {
      this.#one = this.#device.create(BYTES, COPY_SRC | COPY_DST, "one");
      this.#device.write(this.#one, Uint32Array.of(1));
    }
    const mark = this.#device.create(BYTES, COPY_SRC | COPY_DST, "mark");
    this.#marks.add(mark);
    copy(this.#one, 0, mark, 0, BYTES);
    return mark;
  }

  /** Tells whether the mark was set by what has been submitted until now. */
  async isSet(mark: GPUBuffer): Promise<boolean> {
    return new Uint32Array(await this.#device.fetch(mark, 0, BYTES))[0] === 1;
  }

  release(mark: GPUBuffer): void {
    if (this.#marks.delete(mark)) mark.destroy();
  }

  destroy(): void {
    for (const mark of this.#marks) mark.destroy();
    this.#marks.clear();
    this.#one?.destroy();
  }
}
