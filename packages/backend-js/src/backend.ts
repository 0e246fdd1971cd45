import {
  checkAllocation,
  checkOptions,
  checkText,
  checkReadable,
  checkView,
  Ledger,
  LimitError,
  MAX_ELEMENTS,
  byteSize,
  elementCount,
  newFloatArray,
  packView,
  type Backend,
  type Dtype,
  type FloatArray,
  type HostTensor,
  type HostView,
  type Shape,
  type Supports,
} from "@dlrt/core";
import { jsKernels } from "./kernels/index.js";
import { JsTensor } from "./tensor.js";

export interface JsBackendOptions {
  /** Shown by the bench and in errors. Default "js". */
  readonly name?: string | undefined;
}

const supports: Supports = {
  dtypes: ["f32", "f64"],
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

class JsBackend implements Backend<HostTensor> {
  readonly supports = supports;
  readonly kernels = jsKernels;
  readonly #ledger: Ledger;

  constructor(readonly name: string) {
    this.#ledger = new Ledger(name);
  }

  get disposed(): boolean {
    return this.#ledger.closed;
  }

  empty(shape: Shape, dtype: Dtype = "f32"): HostTensor {
    this.#ledger.assertOpen();
    checkAllocation("tensor", shape, dtype, supports);
    return this.#own([shape[0], shape[1], shape[2]], allocate(shape, dtype));
  }

  upload(view: HostView): HostTensor {
    this.#ledger.assertOpen();
    const checked = checkView(view, supports);
    return this.#own(checked.shape, packView(checked, allocate(checked.shape, checked.dtype)));
  }

  async read(t: HostTensor): Promise<FloatArray> {
    this.#ledger.assertOpen();
    checkReadable(this, "tensor", t);
    return t.data.slice();
  }

  async sync(): Promise<void> {
    this.#ledger.assertOpen();
  }

  memory(): { tensors: number; bytes: number } {
    return this.#ledger.memory();
  }

  async dispose(): Promise<void> {
    this.#ledger.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #own(shape: Shape, data: FloatArray): HostTensor {
    return new JsTensor(this, this.#ledger, shape, data);
  }
}

/**
 * A backend on plain typed arrays: f32 and f64, everywhere JavaScript runs. Operations have run when they
 * return. f32 tensors are computed with float64 sums and rounded once per stored element.
 * @throws ValueError for a name that is no string, and for unknown options
 */
export function createJsBackend(options: JsBackendOptions = {}): Backend<HostTensor> {
  checkOptions("options", options, ["name"]);
  checkText("name", options.name);
  return new JsBackend(options.name ?? "js");
}
