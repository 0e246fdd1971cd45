/** `check: true` looks at the operator's numbers: at once on the host, and on a device by a promise that the readers of the results hear of. */
import { expect, test } from "vitest";
import {
  inverse,
  SingularError,
  solve,
  UnsupportedError,
  type FloatArray,
  type HostTensor,
  type Shape,
} from "../src/index.js";
import { Ledger, OwnedTensor } from "../src/backend.js";
import { referenceKernels } from "./reference-kernels.js";
import { SpyBackend } from "./spy-backend.js";

test("check: true names batch and row of λ = 0, before the kernel; without it the kernel decides", async () => {
  const backend = new SpyBackend(referenceKernels);
  const put = (data: number[], shape: Shape): HostTensor =>
    backend.upload({ data: new Float64Array(data), shape });
  const op = {
    diag: put([1, 1, 1, -0], [2, 2, 1]),
    q: put([1, 1, 1, 1], [2, 2, 1]),
    k: put([1, 1, 1, 1], [2, 2, 1]),
  };
  const b = put([1, 2, 3, 4], [2, 2, 1]);
  const before = backend.memory();
  expect(() => solve(backend, op, b, { check: true })).toThrow(new SingularError(1, 1));
  expect(() => inverse(backend, op, { check: true })).toThrow(/batch 1, row 1/);
  expect(backend.calls).toEqual([]);
  expect(backend.memory()).toEqual(before);
  expect(Array.from(solve(backend, op, b).data)).toEqual([1, 1, 3, -Infinity]);
});

test("check: true on a device is told to the readers of the results, and refused where nothing can defer", async () => {
  /** A tensor of a device: its elements lie where only `read` sees them. */
  class DeviceTensor extends OwnedTensor {
    readonly storage = {};
    readonly byteOffset = 0;
    protected release(): void {}
  }
  class DeviceTensorBackend extends SpyBackend {
    readonly #elements = new WeakMap<object, FloatArray>();
    readonly #ledger = new Ledger("device");
    deferred: Promise<void> | undefined;
    results: readonly HostTensor[] = [];
    override upload(view: Parameters<SpyBackend["upload"]>[0]): HostTensor {
      const t = new DeviceTensor(this, this.#ledger, view.shape, "f32");
      this.#elements.set(t, view.data);
      return t as unknown as HostTensor;
    }
    override async read(t: HostTensor): Promise<FloatArray> {
      return this.#elements.get(t)!;
    }
    defer? = (pending: Promise<void>, results: readonly HostTensor[]): void => {
      this.deferred = pending;
      this.results = results;
    };
  }
  const backend = new DeviceTensorBackend();
  const put = (data: number[]): HostTensor =>
    backend.upload({ data: new Float32Array(data), shape: [1, 2, 1] });
  const op = { diag: put([0, 1]), q: put([1, 1]), k: put([1, 1]) };
  const finalState = backend.empty([1, 1, 1], "f32");
  const y = solve(backend, op, put([1, 1]), { check: true, finalState });
  await expect(backend.deferred).rejects.toThrow(new SingularError(0, 0));
  expect(backend.results).toEqual([y, finalState]);
  const x = inverse(backend, op, { check: true });
  await expect(backend.deferred).rejects.toThrow(new SingularError(0, 0));
  expect(backend.results).toEqual([x]);
  delete backend.defer;
  expect(() => solve(backend, op, put([1, 1]), { check: true })).toThrow(UnsupportedError);
});
