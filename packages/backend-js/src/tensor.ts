import { newFloatArray, type FloatArray, type HostTensor, type Shape } from "@dlrt/core";
import { OwnedTensor, type Ledger, type Placement } from "@dlrt/core/backend";

/** A tensor over a typed array, counted in the ledger of its backend. The garbage collector frees the array itself. */
export class JsTensor extends OwnedTensor implements HostTensor {
  #data: FloatArray;
  #elements: number;
  readonly #of: JsTensor | undefined;

  /** `placement.of`, the tensor that this one views, is a JsTensor over the same `data`. */
  constructor(backend: object, ledger: Ledger, shape: Shape, data: FloatArray, placement?: Placement) {
    super(backend, ledger, shape, data.BYTES_PER_ELEMENT === 4 ? "f32" : "f64", placement);
    this.#data = data;
    this.#elements = data.length;
    this.#of = placement?.of as JsTensor | undefined;
  }

  get data(): FloatArray {
    if (this.#of !== undefined && this.disposed) return newFloatArray(this.dtype, 0);
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
    if (this.#of !== undefined) return this.#of.loss;
    return this.#data.length < this.#elements ? "whose memory was transferred elsewhere" : "";
  }

  protected release(): void {
    this.#elements = 0;
    this.#data = newFloatArray(this.dtype, 0);
  }
}
