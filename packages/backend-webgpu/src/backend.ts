import {
  UnsupportedError,
  byteSize,
  elementCount,
  type Backend,
  type Dtype,
  type HostView,
  type Layout,
  type PrepareParams,
  type Shape,
  type Supports,
} from "@dlrt/core";
import {
  checkAllocation,
  checkReadable,
  checkView,
  contiguousLayout,
  firstElement,
  isContiguous,
  lastElement,
  Ledger,
  packView,
  proxied,
  readView,
  viewLayout,
  type Kernels,
} from "@dlrt/core/backend";
import { settingsOf, supportsOf } from "./configure.js";
import { asError, Faults, firstFault } from "./faults.js";
import { Pending } from "./fates.js";
import { kernelsOf } from "./kernels/index.js";
import type { Context } from "./kernels/context.js";
import type { Operand } from "./kernels/plan.js";
import { checkBuffer, checkRecord } from "./lent.js";
import type { WebGpuOptions } from "./options.js";
import { Pipelines } from "./pipelines.js";
import { callLike, checkPrepare, preparePipelines, uncompiled, type Rehearsal } from "./prepare.js";
import { selfTest } from "./self-test.js";
import { Stream } from "./stream.js";
import { GpuTensor } from "./tensor.js";
import { Trust } from "./trust.js";
import { TENSOR } from "./usage.js";
import type { GpuBuffer, GpuCommandEncoder, GpuDevice } from "./gpu-types.js";

/** Frees what was recorded in one call of `record`. It may be called once that call's encoder has been submitted. */
export type Recording = Disposable & { dispose(): void };

/**
 * One GPUDevice with its tensors and kernels. A call records its work at once; the work is submitted later, and its
 * results come back to the host only by `read`. This file is longer than others because it is all that a caller holds: each method checks its
 * arguments and hands on to the stream, and most lines say what it promises and throws.
 */
export class WebGpuBackend implements Backend<GpuTensor> {
  readonly name = "webgpu";
  readonly device: GpuDevice;
  readonly supports: Supports;
  readonly kernels: Kernels<GpuTensor>;
  readonly #ledger = new Ledger("webgpu backend");
  readonly #owned = new Set<GPUBuffer>();
  readonly #faults: Faults;
  readonly #stream: Stream;
  readonly #context: Context;
  readonly #ownsDevice: boolean;
  readonly #trust: Trust;
  #disposing: Promise<void> | undefined;

  /**
   * Callers use `createWebGpuBackend`. With `sharing`, this backend takes the pipelines that another one has compiled
   * on the same device.
   */
  constructor(device: GpuDevice, ownsDevice: boolean, options: WebGpuOptions, sharing?: WebGpuBackend) {
    this.device = device;
    this.#ownsDevice = ownsDevice;
    this.supports = supportsOf(device);
    this.#faults = new Faults(device);
    const settings = settingsOf(device, this.supports.software === true, options);
    const { submitFlops, scratchBytes: keepBytes } = settings.budget;
    const pipelines = sharing ? sharing.#stream.pipelines : new Pipelines(device);
    this.#stream = new Stream(device, this.#faults, pipelines, { submitFlops, keepBytes });
    const nothing = { read: this.#placeholder(), write: this.#placeholder() };
    this.#context = { ...settings, stream: this.#stream, nothing };
    this.kernels = kernelsOf(this.#context, (name, tensors, work) =>
      this.#stream.operation(name, tensors, work),
    );
    this.#trust = new Trust((options.selfTest ?? true) ? () => this.#selfTest(options) : undefined);
  }

  /** Throws a ValueError for a proxy of the backend, which has none of the private fields. */
  static #ledgerOf(backend: WebGpuBackend): Ledger {
    if (!(#ledger in backend)) throw proxied("backend", "a Backend");
    return backend.#ledger;
  }

  get disposed(): boolean {
    return WebGpuBackend.#ledgerOf(this).closed;
  }

  /** Submits made so far. */
  get submits(): number {
    return this.#stream.submits;
  }

  empty(shape: Shape, dtype: Dtype = "f32"): GpuTensor {
    WebGpuBackend.#ledgerOf(this).assertOpen();
    checkAllocation("empty", shape, dtype, this.supports);
    const size = Math.max(16, byteSize(shape, dtype));
    const buffer = this.#stream.outcomes.create(size, TENSOR, "empty");
    this.#owned.add(buffer);
    return new GpuTensor(this, this.#ledger, [...shape], { buffer, offset: 0 }, {}, (gone) => {
      this.#owned.delete(gone);
      this.#stream.retire(gone);
    });
  }

  upload(view: HostView): GpuTensor {
    WebGpuBackend.#ledgerOf(this).assertOpen();
    const checked = checkView(view, this.supports);
    const packed = packView(checked);
    const tensor = this.empty(checked.shape, checked.dtype);
    const { buffer, byteOffset, byteLength } = packed;
    try {
      this.#stream.outcomes.fill("upload", tensor, () =>
        this.device.queue.writeBuffer(tensor.buffer, 0, buffer as ArrayBuffer, byteOffset, byteLength),
      );
    } catch (error) {
      tensor.dispose();
      throw error;
    }
    return tensor;
  }

  /**
   * A tensor over the caller's buffer, which is neither copied nor ever destroyed: f32, contiguous, from byte
   * `offset` on, of this backend's device, with usage STORAGE | COPY_SRC | COPY_DST.
   * @throws ShapeError (reaches past the buffer), ValueError (offset, usage), LimitError, DisposedError
   */
  wrap(buffer: GpuBuffer, shape: Shape, offset = 0): GpuTensor {
    WebGpuBackend.#ledgerOf(this).assertOpen();
    checkAllocation("wrap", shape, "f32", this.supports);
    checkBuffer(buffer, shape, offset);
    return new GpuTensor(this, this.#ledger, [...shape], { buffer, offset }, { ownedBytes: 0 });
  }

  /**
   * A tensor of any shape and layout whose elements are among those of `t`, in the buffer of `t`: nothing is copied. It
   * counts 0 in `memory()`, and is disposed with `t`.
   * @throws ShapeError, ValueError, DisposedError
   */
  view(t: GpuTensor, shape: Shape, layout: Layout): GpuTensor {
    WebGpuBackend.#ledgerOf(this).assertOpen();
    checkReadable(this, "t", t);
    return new GpuTensor(this, this.#ledger, shape, t, { layout: viewLayout(t, shape, layout), of: t });
  }

  /**
   * What `work` enqueues is recorded into the caller's encoder instead of submitted. Dispose the result after
   * submitting; nothing that depends on the work may be enqueued before, except by recording into the same encoder.
   * Reads of what was recorded reject as long as it has not run. Where `work` throws, so does `record`: submit
   * nothing of that encoder then.
   * @throws ValueError, DisposedError, and what `work` throws
   */
  record(encoder: GpuCommandEncoder, work: () => void): Recording {
    WebGpuBackend.#ledgerOf(this).assertOpen();
    checkRecord(encoder, work);
    const dispose = this.#stream.record(encoder, work);
    return { dispose, [Symbol.dispose]: dispose };
  }

  /**
   * The elements, row-major, after all work before. It rejects, each time, where that work failed before or while it computed
   * these elements or what they come from; other tensors are read all the same. No read gives anything before the device has passed
   * the self-test; where it has not, all reject; where there was no memory for the test, the next read has it tested again.
   * @throws ValueError, DisposedError, DeviceLostError, LimitError (no memory), UnsupportedError (refused by the device, or the device
   * by the self-test)
   */
  async read(t: GpuTensor): Promise<Float32Array> {
    WebGpuBackend.#ledgerOf(this).assertOpen();
    checkReadable(this, "t", t);
    const { shape, layout, dtype } = t;
    if (elementCount(shape) === 0) return new Float32Array(0);
    const first = firstElement(shape, layout);
    const reach = lastElement(shape, layout) + 1 - first;
    const reading = this.#stream.read(t, { from: 4 * first, bytes: 4 * reach });
    const data = new Float32Array(await this.#trust.vouch(reading));
    if (reach === elementCount(shape) && isContiguous(t)) return data;
    return readView({
      data,
      dtype,
      shape,
      layout: { ...layout, offset: layout.offset - first },
    }) as Float32Array;
  }

  /**
   * After all work before, and the self-test.
   * @throws the first fault of that work that no `sync` before has told; UnsupportedError, each time, where the device failed the self-test
   */
  async sync(): Promise<void> {
    WebGpuBackend.#ledgerOf(this).assertOpen();
    await this.#trust.vouch(this.#stream.sync());
  }

  memory(): { tensors: number; bytes: number } {
    return WebGpuBackend.#ledgerOf(this).memory();
  }

  /**
   * Compiles ahead, asynchronously, what `kernel` needs at these sizes.
   * @throws ValueError, UnsupportedError, DeviceLostError, DisposedError
   */
  async prepare(p: PrepareParams): Promise<void> {
    WebGpuBackend.#ledgerOf(this).assertOpen();
    checkPrepare(p, this.supports);
    await this.#compile(callLike(p));
  }

  async #compile(of: Rehearsal): Promise<void> {
    const [compiling, refused] = this.#faults.guard("prepare", 0, () =>
      preparePipelines(this.#context, this.#stream.pipelines, of),
    );
    const failed = compiling.then(
      () => undefined,
      (error: unknown) => new UnsupportedError("prepare", "pipelines the device compiles", String(error)),
    );
    const cause = await this.#faults.orLost(firstFault([refused, failed]));
    if (cause) throw cause;
  }

  defer(pending: Promise<void>, results: readonly GpuTensor[]): void {
    for (const result of results) checkReadable(this, "results", result);
    this.#stream.outcomes.defer(new Pending(pending.then(() => undefined, asError)), results);
  }

  /** Waits for the work in flight, then frees everything; the device too, unless it is the caller's. */
  async dispose(): Promise<void> {
    WebGpuBackend.#ledgerOf(this);
    this.#disposing ??= this.#dispose();
    return this.#disposing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async #dispose(): Promise<void> {
    const idle = this.#stream.sync().catch(() => undefined);
    const tested = this.#trust.end(); // a test that has not begun does not begin while the work ends
    this.#ledger.close();
    await idle;
    await tested;
    await this.#stream.destroy();
    for (const buffer of this.#owned) buffer.destroy();
    this.#owned.clear();
    if (this.#ownsDevice) this.device.destroy();
  }

  /**
   * Runs on a backend of its own, so that the caller's backend counts none of its tensors and does not wait for its own
   * verdict.
   */
  async #selfTest(options: WebGpuOptions): Promise<void> {
    const apart = new WebGpuBackend(this.device, false, { ...options, selfTest: false }, this);
    const { pipelines } = this.#stream;
    const uncompiledOf = (of: Rehearsal): number => uncompiled(this.#context, pipelines, of);
    try {
      await selfTest(apart, this.#context.width, uncompiledOf, (of) => apart.#compile(of));
    } finally {
      await apart.dispose();
    }
  }

  #placeholder(): Operand {
    const size = 256;
    const buffer = this.#stream.outcomes.create(size, TENSOR, "placeholder");
    this.#owned.add(buffer);
    return { ...contiguousLayout([1, 0, 0]), buffer, offset: 0, size, base: 0, entry: 0 };
  }
}
