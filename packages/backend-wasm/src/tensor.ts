import {
  DisposedError,
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
  /** The memory that all tensors of the backend share; this one begins at `byteOffset`. @throws DisposedError */
  readonly storage: WebAssembly.Memory;
}

/** A block of the arena. */
export class MemoryTensor extends OwnedTensor implements WasmTensor {
  /** Absent once disposed: a tensor that is still referred to does not keep the memory. */
  #arena: Arena | undefined;

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
    if (!this.#arena) throw new DisposedError("tensor");
    return this.#arena.memory;
  }

  get data(): FloatArray {
    if (this.disposed || !this.#arena) return newFloatArray(this.dtype, 0);
    const { views, memory } = this.#arena;
    const cached = views.get(this);
    if (cached?.buffer === memory.buffer) return cached;
    const type = this.dtype === "f32" ? Float32Array : Float64Array;
    const view = new type(memory.buffer, this.byteOffset, elementCount(this.shape));
    views.set(this, view);
    return view;
  }

  protected release(): void {
    this.#arena?.views.delete(this);
    this.#arena?.release(this.byteOffset);
    this.#arena = undefined;
  }
}
