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

/** A block of the backend's memory. */
export class WasmTensor extends OwnedTensor implements HostTensor {
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

  get storage(): object {
    return this.#arena.memory;
  }

  /**
   * The elements, in the memory the kernels work on: writing here uploads without a copy. The memory may grow
   * with any new tensor and any operation, which detaches the array: take it afresh after every call.
   */
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
