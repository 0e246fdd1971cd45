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
  #elements: number;

  constructor(backend: object, ledger: Ledger, shape: Shape, data: FloatArray) {
    super(backend, ledger, shape, data.BYTES_PER_ELEMENT === 4 ? "f32" : "f64");
    this.#data = data;
    this.#elements = data.length;
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

  /** A transfer (`structuredClone`, `postMessage`) of `data.buffer` leaves `data` with no elements. */
  override get loss(): string {
    return this.#data.length < this.#elements ? "whose memory was transferred elsewhere" : "";
  }

  protected release(): void {
    this.#elements = 0;
    this.#data = newFloatArray(this.dtype, 0);
  }
}
