import { createJsBackend } from "@dlrt/backend-js";
import type { Backend, FloatArray, HostTensor, HostView, KernelName, Layout, Shape } from "@dlrt/core";
import { Ledger, OwnedTensor, runPiece, type Kernels, type PieceName } from "@dlrt/core/backend";

/** A tensor as a device has it, whose elements the host cannot reach. */
export class DeviceTensor extends OwnedTensor {
  readonly #inner: HostTensor;

  constructor(backend: object, ledger: Ledger, inner: HostTensor, of?: DeviceTensor) {
    super(backend, ledger, inner.shape, inner.dtype, { layout: inner.layout, of });
    this.#inner = inner;
  }

  static innerOf(t: DeviceTensor): HostTensor {
    return t.#inner;
  }

  get storage(): object {
    return this.#inner.storage;
  }

  get byteOffset(): number {
    return this.#inner.byteOffset;
  }

  protected release(): void {
    this.#inner.dispose();
  }
}

/** Returns a kernel's parameters with the tensors of backend-js in place of those that hide them. */
function unwrap(params: object): object {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => {
      if (value instanceof DeviceTensor) return [name, DeviceTensor.innerOf(value)];
      return [name, typeof value === "object" && value !== null ? unwrap(value as object) : value];
    }),
  );
}

const pieces: readonly PieceName[] = ["normalizeRows", "gate", "causalConv", "causalConvVjp", "gatedNorm"];

/**
 * Makes backend-js behind tensors that hide their elements, so that whoever computes on it can do so by kernels alone. It has the kernels of
 * the small pieces too, which backend-js itself leaves to the host.
 * @param broken is a kernel that throws
 * @param missing are kernels that it lacks
 * @param called is called with the name of every kernel that is called
 */
export function createDeviceBackend(
  broken?: KernelName,
  missing: readonly KernelName[] = [],
  called: (kernel: KernelName) => void = () => {},
): Backend<DeviceTensor> {
  const inner = createJsBackend();
  const ledger = new Ledger("device");
  const run = (kernel: KernelName) => (params: object) => {
    called(kernel);
    if (kernel === broken) throw new Error(`${kernel} is broken`);
    if (pieces.includes(kernel as PieceName)) runPiece(inner, kernel as PieceName, unwrap(params) as never);
    else (inner.kernels[kernel] as (params: object) => void)(unwrap(params));
  };
  const names = [...new Set([...(Object.keys(inner.kernels) as KernelName[]), ...pieces])];
  const backend: Backend<DeviceTensor> = {
    name: "device",
    supports: { ...inner.supports, missing },
    kernels: Object.fromEntries(names.map((name) => [name, run(name)])) as unknown as Kernels<DeviceTensor>,
    get disposed() {
      return ledger.closed;
    },
    empty: (shape, dtype) => new DeviceTensor(backend, ledger, inner.empty(shape, dtype)),
    upload: (view: HostView) => new DeviceTensor(backend, ledger, inner.upload(view)),
    view: (t: DeviceTensor, shape: Shape, layout: Layout) =>
      new DeviceTensor(backend, ledger, inner.view(DeviceTensor.innerOf(t), shape, layout), t),
    read: (t): Promise<FloatArray> => inner.read(DeviceTensor.innerOf(t)),
    sync: () => inner.sync(),
    memory: () => ledger.memory(),
    dispose: async () => ledger.close(),
    [Symbol.asyncDispose]: async () => ledger.close(),
  };
  return backend;
}
