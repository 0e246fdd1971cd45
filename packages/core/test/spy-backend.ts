import {
  elementCount,
  newFloatArray,
  type Backend,
  type Dtype,
  type FloatArray,
  type HostTensor,
  type HostView,
  type Layout,
  type Shape,
  type Supports,
} from "../src/index.js";
import {
  checkAllocation,
  checkReadable,
  checkView,
  Ledger,
  OwnedTensor,
  packView,
  readView,
  viewLayout,
  type Kernels,
  type Placement,
} from "../src/backend.js";

class SpyTensor extends OwnedTensor implements HostTensor {
  readonly byteOffset = 0;
  constructor(
    backend: object,
    ledger: Ledger,
    shape: Shape,
    readonly data: FloatArray,
    placement?: Placement,
  ) {
    super(backend, ledger, shape, data instanceof Float32Array ? "f32" : "f64", placement);
  }
  get storage(): object {
    return this.data.buffer;
  }
  protected release(): void {}
}

/** A host backend around the kernels that it is given. `calls` names every kernel that ran, in order. */
export class SpyBackend implements Backend<HostTensor> {
  readonly calls: string[] = [];
  readonly kernels: Kernels<HostTensor>;
  readonly supports: Supports;
  readonly #ledger: Ledger;

  constructor(
    kernels: Partial<Kernels<HostTensor>> = {},
    readonly name = "spy",
    supports: Partial<Supports> = {},
  ) {
    this.#ledger = new Ledger(name);
    this.supports = {
      dtypes: ["f32", "f64"],
      decay: "channel",
      limits: { tensorBytes: 2 ** 36 },
      build: "spy",
      ...supports,
    };
    const spied = (["apply", "solve", "inverse", "trilInverse", "rowDot", "copy", "decayVjp"] as const).map(
      (kernel) => [
        kernel,
        (p: never) => {
          this.calls.push(kernel);
          kernels[kernel]?.(p);
        },
      ],
    );
    this.kernels = { ...kernels, ...Object.fromEntries(spied) }; // of the optional kernels those given, as they are
  }

  get disposed(): boolean {
    return this.#ledger.closed;
  }

  empty(shape: Shape, dtype: Dtype = "f32"): HostTensor {
    this.#ledger.assertOpen();
    checkAllocation("tensor", shape, dtype, this.supports);
    return new SpyTensor(this, this.#ledger, shape, newFloatArray(dtype, elementCount(shape)));
  }

  upload(view: HostView): HostTensor {
    this.#ledger.assertOpen();
    const checked = checkView(view, this.supports);
    return new SpyTensor(this, this.#ledger, checked.shape, packView(checked));
  }

  view(t: HostTensor, shape: Shape, layout: Layout): HostTensor {
    checkReadable(this, "tensor", t);
    return new SpyTensor(this, this.#ledger, shape, t.data, { layout: viewLayout(t, shape, layout), of: t });
  }

  async read(t: HostTensor): Promise<FloatArray> {
    checkReadable(this, "tensor", t);
    return readView(t);
  }

  async sync(): Promise<void> {}

  memory(): { tensors: number; bytes: number } {
    return this.#ledger.memory();
  }

  async dispose(): Promise<void> {
    this.#ledger.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
