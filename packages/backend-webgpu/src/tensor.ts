import type { Shape } from "@dlrt/core";
import { OwnedTensor, type Ledger, type Placement } from "@dlrt/core/backend";
import type { GpuBuffer } from "./gpu-types.js";

/** A tensor of f32 on the GPU. Its rows lie in `buffer` where `layout` says, counted from byte `offset`. */
export class GpuTensor extends OwnedTensor {
  readonly #buffer: GpuBuffer;
  readonly #offset: number;
  readonly #retire: ((buffer: GpuBuffer) => void) | undefined;

  /**
   * Without `retire`, the buffer belongs to somebody else, or to the tensor that this one views, and is never destroyed
   * here.
   */
  constructor(
    backend: object,
    ledger: Ledger,
    shape: Shape,
    { buffer, offset }: { readonly buffer: GpuBuffer; readonly offset: number },
    placement: Placement = {},
    retire?: (buffer: GpuBuffer) => void,
  ) {
    super(backend, ledger, shape, "f32", placement);
    this.#buffer = buffer;
    this.#offset = offset;
    this.#retire = retire;
  }

  get buffer(): GpuBuffer {
    return this.#buffer;
  }

  /** The offset in bytes. */
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
