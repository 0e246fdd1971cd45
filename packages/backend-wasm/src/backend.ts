import {
  byteSize,
  MAX_ELEMENTS,
  type Backend,
  type Dtype,
  type FloatArray,
  type HostView,
  type Layout,
  type Shape,
  type Sizes,
  type Supports,
} from "@dlrt/core";
import {
  checkAllocation,
  checkReadable,
  checkView,
  Ledger,
  packView,
  proxied,
  readView,
  viewLayout,
  type Kernels,
} from "@dlrt/core/backend";
import { keptShape } from "./delta-plan.js";
import type { Engine } from "./engine.js";
import { HEAP_BASE } from "./job.js";
import { wasmKernels } from "./kernels.js";
import { MemoryTensor, type WasmTensor } from "./tensor.js";

/** Tensors and kernels over one engine. */
export class WasmBackend implements Backend<WasmTensor> {
  readonly kernels: Kernels<WasmTensor>;
  readonly #ledger: Ledger;
  readonly #engine: Engine;
  readonly #instructions: string;
  readonly #fallback: string | undefined;
  /** As it was told last, and the threads there were. */
  #lastSupports: Supports | undefined;
  #lastThreads = 0;
  #disposal: Promise<void> | undefined;

  constructor(
    readonly name: string,
    engine: Engine,
    relaxed: boolean,
    fallback: string | undefined,
  ) {
    this.#engine = engine;
    this.#instructions = relaxed ? "relaxed-simd" : "simd";
    this.#fallback = fallback;
    this.#ledger = new Ledger(name);
    this.kernels = wasmKernels(engine);
  }

  get supports(): Supports {
    const last = this.#lastSupports;
    if (last && this.#disposal) return last;
    const { arena, pool, threads } = this.#engine;
    const fallback = pool?.lost ?? this.#fallback;
    // every call asks, and helpers seldom come or go
    if (last && last.fallback === fallback && this.#lastThreads === threads) return last;
    this.#lastThreads = threads;
    this.#lastSupports = {
      dtypes: ["f32", "f64"],
      decay: "channel",
      eraseKey: ["deltaRule", "deltaRuleVjp"],
      limits: { tensorBytes: Math.min(arena.limit - HEAP_BASE, MAX_ELEMENTS * 8) },
      build: this.#instructions + (pool ? `+threads (${threads})` : ""),
      ...(fallback !== undefined && { fallback }),
    };
    return this.#lastSupports;
  }

  /** @throws ValueError for a proxy of the backend, which has none of the private fields */
  static #ledgerOf(backend: WasmBackend): Ledger {
    if (!(#ledger in backend)) throw proxied("backend", "a Backend");
    return backend.#ledger;
  }

  get disposed(): boolean {
    return WasmBackend.#ledgerOf(this).closed;
  }

  empty(shape: Shape, dtype: Dtype = "f32"): WasmTensor {
    WasmBackend.#ledgerOf(this).assertOpen();
    checkAllocation("tensor", shape, dtype, this.supports);
    return this.#allocate([shape[0], shape[1], shape[2]], dtype);
  }

  upload(view: HostView): WasmTensor {
    WasmBackend.#ledgerOf(this).assertOpen();
    const checked = checkView(view, this.supports);
    // elements of this very memory are copied first: its growth would detach the array they are read from
    const own = checked.data.buffer === this.#engine.arena.memory.buffer;
    const packed = own ? packView(checked) : undefined;
    const tensor = this.#allocate(checked.shape, checked.dtype);
    try {
      if (packed) tensor.data.set(packed);
      else packView(checked, tensor.data);
    } catch (error) {
      tensor.dispose();
      throw error;
    }
    return tensor;
  }

  view(t: WasmTensor, shape: Shape, layout: Layout): WasmTensor {
    WasmBackend.#ledgerOf(this).assertOpen();
    checkReadable(this, "tensor", t);
    const view = { layout: viewLayout(t, shape, layout), of: t };
    return new MemoryTensor(this, this.#ledger, this.#engine.arena, shape, t.dtype, t.byteOffset, view);
  }

  keptShape(sizes: Sizes, dtype: Dtype): Shape {
    return keptShape(sizes, dtype);
  }

  async read(t: WasmTensor): Promise<FloatArray> {
    WasmBackend.#ledgerOf(this).assertOpen();
    checkReadable(this, "tensor", t);
    return readView(t);
  }

  /** Kernels have run when their call returns; this waits for helper threads that are being replaced. */
  async sync(): Promise<void> {
    WasmBackend.#ledgerOf(this).assertOpen();
    await this.#engine.pool?.settled;
  }

  memory(): { tensors: number; bytes: number } {
    return WasmBackend.#ledgerOf(this).memory();
  }

  async dispose(): Promise<void> {
    const ledger = WasmBackend.#ledgerOf(this);
    this.#lastSupports = this.supports;
    ledger.close();
    this.#disposal ??= this.#engine.dispose();
    await this.#disposal;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #allocate(shape: Shape, dtype: Dtype): WasmTensor {
    const { arena } = this.#engine;
    const at = arena.allocate("tensor", byteSize(shape, dtype));
    return new MemoryTensor(this, this.#ledger, arena, shape, dtype, at);
  }
}
