import { DeviceLostError, LimitError, UnsupportedError } from "@dlrt/core";

/**
 * A promise of what went wrong, or of undefined. It never rejects, because an unhandled rejection would end the
 * process.
 */
export type Fault = Promise<Error | undefined>;

/** Resolves, once all faults are known, to the first of them in the order given. */
export async function firstFault(faults: Iterable<Fault>): Fault {
  return (await Promise.all(faults)).find((cause) => cause !== undefined);
}

/** Turns anything that was thrown into an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/**
 * Collects the errors of WebGPU, which reports them late and not where the call was made, and knows whether the device
 * is lost.
 */
export class Faults {
  readonly #device: GPUDevice;
  readonly #waiting = new Set<(reason: DeviceLostError) => void>();
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

  /** The error that is thrown once the device is lost; undefined before. */
  get lost(): DeviceLostError | undefined {
    return this.#lost;
  }

  /**
   * Catches the errors of every call until the function that it returns is called. That must happen in the same turn of
   * the event loop, because the caller's own error scopes are on the same stack. `bytes` is how much memory the calls
   * ask of the device.
   */
  watch(what: string, bytes: number): () => Fault {
    for (const filter of ["validation", "internal", "out-of-memory"] as const) {
      this.#device.pushErrorScope(filter);
    }
    return () => {
      const memory = this.#pop(what, (message) => new LimitError(what, bytes, Number.NaN, message));
      const internal = this.#pop(
        what,
        (message) => new UnsupportedError(what, "work the device can do", message),
      );
      const invalid = this.#pop(
        what,
        (message) => new UnsupportedError(what, "work the device accepts", message),
      );
      return firstFault([memory, internal, invalid]);
    };
  }

  /** Runs `work` and catches its errors. Returns what `work` returns, and what the device makes of it. */
  guard<R>(what: string, bytes: number, work: () => R): readonly [result: R, fault: Fault] {
    const close = this.watch(what, bytes);
    let result: R;
    try {
      result = work();
    } catch (error) {
      void close();
      throw error;
    }
    return [result, close()];
  }

  /** @throws DeviceLostError */
  assertNotLost(): void {
    if (this.#lost) throw this.#lost;
  }

  /**
   * Resolves or rejects as `pending` does, unless the device is lost before: then it rejects with a DeviceLostError.
   */
  orLost<R>(pending: Promise<R>): Promise<R> {
    return new Promise((resolve, reject) => {
      if (this.#lost) {
        pending.catch(() => undefined);
        reject(this.#lost);
        return;
      }
      this.#waiting.add(reject);
      pending
        .then(resolve, (error: unknown) => reject(this.#lost ?? asError(error)))
        .finally(() => this.#waiting.delete(reject));
    });
  }

  #pop(what: string, typed: (message: string) => Error): Fault {
    return this.#device.popErrorScope().then(
      (error) => (error ? typed(error.message) : undefined),
      (reason: unknown) =>
        this.#lost ?? new UnsupportedError(what, "a device that tells its errors", String(reason)),
    );
  }
}
