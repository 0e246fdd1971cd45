import {
  elementCount,
  newFloatArray,
  OwnedTensor,
  type Dtype,
  type FloatArray,
  type HostTensor,
  type Ledger,
  type Shape,
} from "@dlrt/core";
import type { Arena } from "./arena.js";

/** A tensor in the backend's WebAssembly memory. */
export interface WasmTensor extends HostTensor {
  /**
   * The elements, in the memory the kernels work on: writing here uploads without a copy. The memory may grow
   * with any new tensor and any operation, which detaches the array: take it afresh after every call.
   */
  readonly data: FloatArray;
  /** The memory that all tensors of the backend share; this one begins at `byteOffset`. */
  readonly storage: WebAssembly.Memory;
}

/** A block of the arena. */
export class MemoryTensor extends OwnedTensor implements WasmTensor {
  readonly #arena: Arena;
  #view: FloatArray | undefined;

  /** Takes over the block at `byteOffset`. */
  constructor(
    backend: object,
    ledger: Ledger,
    arena: Arena,
    shape: Shape,
    dtype: Dtype,
    readonly byteOffset: number,
  ) {
    super(backend, ledger, shape, dtype);
    this.#arena = arena;
  }

  get storage(): WebAssembly.Memory {
    return this.#arena.memory;
  }

  get data(): FloatArray {
    const { buffer } = this.#arena.memory;
    if (this.disposed) return newFloatArray(this.dtype, 0);
    if (this.#view?.buffer !== buffer) {
      const type = this.dtype === "f32" ? Float32Array : Float64Array;
      this.#view = new type(buffer, this.byteOffset, elementCount(this.shape));
    }
    return this.#view!;
  }

  protected release(): void {
    this.#view = undefined;
    this.#arena.release(this.byteOffset);
  }
}
