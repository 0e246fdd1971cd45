import {
  newFloatArray,
  OwnedTensor,
  type FloatArray,
  type HostTensor,
  type Ledger,
  type Shape,
} from "@dlrt/core";

/** A typed array and its place in the ledger. Memory itself is the garbage collector's. */
export class JsTensor extends OwnedTensor implements HostTensor {
  #data: FloatArray;

  constructor(backend: object, ledger: Ledger, shape: Shape, data: FloatArray) {
    super(backend, ledger, shape, data.BYTES_PER_ELEMENT === 4 ? "f32" : "f64");
    this.#data = data;
  }

  get data(): FloatArray {
    return this.#data;
  }

  get storage(): object {
    return this.#data.buffer;
  }

  get byteOffset(): number {
    return this.#data.byteOffset;
  }

  protected release(): void {
    this.#data = newFloatArray(this.dtype, 0);
  }
}
