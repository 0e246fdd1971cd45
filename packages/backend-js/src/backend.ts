import {
  byteSize,
  elementCount,
  LimitError,
  MAX_ELEMENTS,
  newFloatArray,
  ShapeError,
  type Backend,
  type Dtype,
  type FloatArray,
  type HostTensor,
  type HostView,
  type Layout,
  type Shape,
  type Sizes,
  type Supports,
} from "@dlrt/core";
import {
  checkAllocation,
  checkOptions,
  checkReadable,
  checkShape,
  checkText,
  checkView,
  contiguousLayout,
  Ledger,
  packView,
  plainArray,
  proxied,
  readView,
  viewLayout,
  type Placement,
} from "@dlrt/core/backend";
import { jsKernels } from "./kernels/index.js";
import { JsTensor } from "./tensor.js";

export interface JsBackendOptions {
  /** Shown by the bench and in errors. Default "js". */
  readonly name?: string | undefined;
}

/** A backend whose tensors can be a program's own typed arrays. */
export interface JsBackend extends Backend<HostTensor> {
  /**
   * A tensor whose elements are those of `array`, which is not copied: what is written to one is read in the other. It
   * counts one tensor and no bytes in `memory()`; disposing it leaves the array alone.
   * @param array of fewer than 2³¹ elements; the tensor counts as disposed once its buffer is transferred
   * @param shape [batch, rows, cols]
   * @param layout where the rows lie in `array`, in elements from its first. Default: contiguous, from element 0
   * @throws DtypeError, ShapeError, ValueError, LimitError, DisposedError
   */
  wrap(array: FloatArray, shape: Shape, layout?: Layout): HostTensor;
}

const supports: Supports = {
  dtypes: ["f32", "f64"],
  decay: "channel",
  eraseKey: ["deltaRule", "deltaRuleVjp"],
  limits: { tensorBytes: MAX_ELEMENTS * 8 },
  build: "js",
};

/** @throws LimitError where the engine refuses the memory */
function allocate(shape: Shape, dtype: Dtype): FloatArray {
  try {
    return newFloatArray(dtype, elementCount(shape));
  } catch {
    throw new LimitError("shape", byteSize(shape, dtype), Number.NaN, shape.join(" × "));
  }
}

class TypedArrayBackend implements JsBackend {
  readonly supports = supports;
  readonly kernels = jsKernels;
  readonly #ledger: Ledger;

  constructor(readonly name: string) {
    this.#ledger = new Ledger(name);
  }

  /** @throws ValueError for a proxy of the backend, which has none of the private fields */
  static #ledgerOf(backend: TypedArrayBackend): Ledger {
    if (!(#ledger in backend)) throw proxied("backend", "a Backend");
    return backend.#ledger;
  }

  get disposed(): boolean {
    return TypedArrayBackend.#ledgerOf(this).closed;
  }

  empty(shape: Shape, dtype: Dtype = "f32"): HostTensor {
    TypedArrayBackend.#ledgerOf(this).assertOpen();
    checkAllocation("tensor", shape, dtype, supports);
    return this.#own([shape[0], shape[1], shape[2]], allocate(shape, dtype));
  }

  upload(view: HostView): HostTensor {
    TypedArrayBackend.#ledgerOf(this).assertOpen();
    const checked = checkView(view, supports);
    return this.#own(checked.shape, packView(checked, allocate(checked.shape, checked.dtype)));
  }

  view(t: HostTensor, shape: Shape, layout: Layout): HostTensor {
    TypedArrayBackend.#ledgerOf(this).assertOpen();
    checkReadable(this, "tensor", t);
    return this.#own(shape, t.data, { layout: viewLayout(t, shape, layout), of: t });
  }

  wrap(array: FloatArray, shape: Shape, layout?: Layout): HostTensor {
    TypedArrayBackend.#ledgerOf(this).assertOpen();
    const data = plainArray("array", array);
    const count = data.length;
    checkShape("shape", shape);
    if (count > MAX_ELEMENTS) {
      const most = MAX_ELEMENTS * data.BYTES_PER_ELEMENT;
      throw new LimitError("array", data.byteLength, most, `${count} elements`);
    }
    if (layout === undefined && elementCount(shape) > count) {
      throw new ShapeError("array", `${elementCount(shape)} elements or more`, String(count));
    }
    const all: Shape = [1, 1, count];
    const given = layout === undefined ? contiguousLayout(shape) : layout;
    const own = viewLayout({ shape: all, layout: contiguousLayout(all) }, shape, given);
    return this.#own(shape, data, { layout: own, ownedBytes: 0 });
  }

  /** What is kept are the corrections U: with them the states are computed once more in a third of the time. */
  keptShape({ batch, n, r, p }: Sizes): Shape {
    return r === 0 || p === 0 ? [batch, 0, 0] : [batch, n, p];
  }

  async read(t: HostTensor): Promise<FloatArray> {
    TypedArrayBackend.#ledgerOf(this).assertOpen();
    checkReadable(this, "tensor", t);
    return readView(t);
  }

  async sync(): Promise<void> {
    TypedArrayBackend.#ledgerOf(this).assertOpen();
  }

  memory(): { tensors: number; bytes: number } {
    return TypedArrayBackend.#ledgerOf(this).memory();
  }

  async dispose(): Promise<void> {
    TypedArrayBackend.#ledgerOf(this).close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #own(shape: Shape, data: FloatArray, placement?: Placement): HostTensor {
    return new JsTensor(this, this.#ledger, shape, data, placement);
  }
}

/**
 * A backend on plain typed arrays: f32 and f64, everywhere JavaScript runs. Operations have run when they
 * return. f32 tensors are computed with float64 sums and rounded once per stored element.
 * @throws ValueError for a name that is no string, and for unknown options
 */
export function createJsBackend(options: JsBackendOptions = {}): JsBackend {
  checkOptions("options", options, ["name"]);
  checkText("name", options.name);
  return new TypedArrayBackend(options.name ?? "js");
}
