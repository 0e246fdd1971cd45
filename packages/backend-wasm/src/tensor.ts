import {
  DisposedError,
  elementCount,
  newFloatArray,
  type Dtype,
  type FloatArray,
  type HostTensor,
  type Layout,
  type Shape,
} from "@dlrt/core";
import { OwnedTensor, type Ledger } from "@dlrt/core/backend";
import type { Arena } from "./arena.js";
import type { WasmMemory } from "./wasm-types.js";

/** A tensor in the backend's WebAssembly memory. */
export interface WasmTensor extends HostTensor {
  /**
   * The elements, in the memory the kernels work on: writing here uploads without a copy. The memory may grow
   * with any new tensor and any operation, which detaches the array: take it afresh after every call. A view has the
   * array of the tensor it views; `layout` says where in it its rows lie.
   */
  readonly data: FloatArray;
  /** The memory that all tensors of the backend share; this one begins at `byteOffset`. @throws DisposedError */
  readonly storage: WasmMemory;
}

/** A block of the arena, or a view of one. */
export class MemoryTensor extends OwnedTensor implements WasmTensor {
  /**
   * The memory. It is absent once the tensor is disposed, so that a tensor to which somebody still refers does not keep
   * the memory.
   */
  #arena: Arena | undefined;
  readonly #viewed: WasmTensor | undefined;

  /** Takes over the block at `byteOffset`; or, with `view`, looks into that of another tensor. */
  constructor(
    backend: object,
    ledger: Ledger,
    arena: Arena,
    shape: Shape,
    dtype: Dtype,
    readonly byteOffset: number,
    view?: { readonly layout: Layout; readonly of: WasmTensor },
  ) {
    super(backend, ledger, shape, dtype, view);
    this.#arena = arena;
    this.#viewed = view?.of;
  }

  get storage(): WasmMemory {
    if (this.disposed || !this.#arena) throw new DisposedError("tensor");
    return this.#arena.memory;
  }

  get data(): FloatArray {
    if (this.disposed || !this.#arena) return newFloatArray(this.dtype, 0);
    if (this.#viewed) return this.#viewed.data;
    const { views, memory } = this.#arena;
    const cached = views.get(this);
    if (cached?.buffer === memory.buffer) return cached;
    const type = this.dtype === "f32" ? Float32Array : Float64Array;
    const array = new type(memory.buffer, this.byteOffset, elementCount(this.shape));
    views.set(this, array);
    return array;
  }

  protected release(): void {
    this.#arena?.views.delete(this);
    this.#arena?.release(this.byteOffset);
    this.#arena = undefined;
  }
}
