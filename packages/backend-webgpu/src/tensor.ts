import { OwnedTensor, type Ledger, type Shape } from "@dlrt/core";

/** A tensor on the GPU, f32, contiguous and row-major in `buffer` from byte `offset` on. */
export class GpuTensor extends OwnedTensor {
  readonly #buffer: GPUBuffer;
  readonly #offset: number;
  readonly #retire: ((buffer: GPUBuffer) => void) | undefined;

  /** Without `retire` the buffer is somebody else's, and is never destroyed. */
  constructor(
    backend: object,
    ledger: Ledger,
    shape: Shape,
    buffer: GPUBuffer,
    offset: number,
    retire?: (buffer: GPUBuffer) => void,
  ) {
    super(backend, ledger, shape, "f32", retire ? undefined : 0);
    this.#buffer = buffer;
    this.#offset = offset;
    this.#retire = retire;
  }

  get buffer(): GPUBuffer {
    return this.#buffer;
  }

  /** Bytes. */
  get offset(): number {
    return this.#offset;
  }

  override get storage(): object {
    return this.#buffer;
  }

  override get byteOffset(): number {
    return this.#offset;
  }

  protected override release(): void {
    this.#retire?.(this.#buffer);
  }
}
