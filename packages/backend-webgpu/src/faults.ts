import { DeviceLostError, DlrtError, LimitError, UnsupportedError } from "@dlrt/core";

/**
 * WebGPU reports errors late and elsewhere. This gathers them, so that the next `read` or `sync` rejects with the
 * first one.
 */
export class Faults {
  readonly #device: GPUDevice;
  readonly #outstanding = new Set<Promise<void>>();
  readonly #waiting = new Set<(reason: DeviceLostError) => void>();
  #first: Error | undefined;
  #lost: DeviceLostError | undefined;

  constructor(device: GPUDevice) {
    this.#device = device;
    void device.lost.then((info) => {
      const why = info.message || info.reason;
      this.#lost = new DeviceLostError(
        `the GPU device was lost (${why}); its tensors are dead, make a new backend`,
      );
      for (const reject of this.#waiting) reject(this.#lost);
      this.#waiting.clear();
    });
  }

  get lost(): boolean {
    return this.#lost !== undefined;
  }

  /** Runs `work` with its validation and out-of-memory errors caught; `bytes` is what it asked the device for. */
  guard<R>(what: string, bytes: number, work: () => R): R {
    this.#device.pushErrorScope("validation");
    this.#device.pushErrorScope("out-of-memory");
    try {
      return work();
    } finally {
      const memory = this.#device.popErrorScope();
      const validation = this.#device.popErrorScope();
      this.track(
        memory.then((error) => {
          if (error) throw new LimitError(what, bytes, Number.NaN, error.message);
        }),
      );
      this.track(
        validation.then((error) => {
          if (error) throw new UnsupportedError(what, "work the device accepts", error.message);
        }),
      );
    }
  }

  /** A rejection of `pending` rejects the next `settle`. */
  track(pending: Promise<void>): void {
    const caught: Promise<void> = pending
      .catch((error: unknown) => {
        if (this.#lost && !(error instanceof DlrtError)) return;
        this.#first ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => this.#outstanding.delete(caught));
    this.#outstanding.add(caught);
  }

  /** @throws DeviceLostError, or the first error since the last call */
  async settle(): Promise<void> {
    await this.orLost(Promise.all(this.#outstanding));
    const first = this.#first;
    this.#first = undefined;
    if (first) throw first;
  }

  /** `pending`, unless the device is lost before: then rejects with DeviceLostError. */
  orLost<R>(pending: Promise<R>): Promise<R> {
    return new Promise((resolve, reject) => {
      if (this.#lost) {
        pending.catch(() => undefined);
        reject(this.#lost);
        return;
      }
      this.#waiting.add(reject);
      pending
        .then(resolve, (error: unknown) => reject(this.#lost ?? error))
        .finally(() => this.#waiting.delete(reject));
    });
  }
}
