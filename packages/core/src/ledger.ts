import { DisposedError } from "./errors.js";
import { byteSize, type Dtype, type Shape, type Tensor } from "./tensor.js";

/** Counts what lives on one backend. It holds no tensor, so a forgotten one can still be collected. */
export class Ledger {
  #tensors = 0;
  #bytes = 0;
  #closed = false;

  constructor(readonly name: string) {}

  /** True after `close`: every tensor of the backend then counts as disposed. */
  get closed(): boolean {
    return this.#closed;
  }

  memory(): { tensors: number; bytes: number } {
    return { tensors: this.#tensors, bytes: this.#bytes };
  }

  count(tensors: 1 | -1, bytes: number): void {
    if (this.#closed) return;
    this.#tensors += tensors;
    this.#bytes += tensors * bytes;
  }

  close(): void {
    this.#tensors = 0;
    this.#bytes = 0;
    this.#closed = true;
  }

  /** @throws DisposedError once closed */
  assertOpen(): void {
    if (this.#closed) throw new DisposedError(this.name);
  }
}

/** Base class for a backend's tensors: counted while alive, released once. */
export abstract class OwnedTensor implements Tensor {
  abstract readonly storage: object;
  abstract readonly byteOffset: number;
  readonly #ledger: Ledger;
  readonly #ownedBytes: number;
  #disposed = false;

  /** `ownedBytes`: what its disposal frees; 0 for memory of somebody else. */
  constructor(
    readonly backend: object,
    ledger: Ledger,
    readonly shape: Shape,
    readonly dtype: Dtype,
    ownedBytes: number = byteSize(shape, dtype),
  ) {
    this.#ledger = ledger;
    this.#ownedBytes = ownedBytes;
    ledger.count(1, ownedBytes);
  }

  get disposed(): boolean {
    return this.#disposed || this.#ledger.closed || this.loss !== "";
  }

  /** What took the tensor's memory away without its dispose(), for a DisposedError; "" while nothing has. */
  get loss(): string {
    return "";
  }

  dispose(): void {
    if (this.#disposed || this.#ledger.closed) return;
    this.#disposed = true;
    this.#ledger.count(-1, this.#ownedBytes);
    this.release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Frees the storage. Called at most once, never after the backend was disposed. */
  protected abstract release(): void;
}
