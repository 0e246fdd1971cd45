import type {
  CausalConvParams,
  CausalConvVjpParams,
  DeltaRuleParams,
  DeltaRuleVjpParams,
  GatedNormParams,
  GateParams,
  NormalizeRowsParams,
} from "./layer-kernels.js";
import type { DecayKind, DiagLowRankTril } from "./operator.js";
import type { Sizes } from "./sizes.js";
import type { Dtype, HostView, Layout, Shape, Tensor } from "./tensor.js";

export type { Sizes } from "./sizes.js";

interface ChunkedParams<T extends Tensor> extends Sizes {
  /** The operator, whole. `decay` is [batch, n, 1] or [batch, n, r]; absent: none. */
  readonly op: DiagLowRankTril<T>;
  /** [batch, n, p] */
  readonly out: T;
  /** op(T) = Tᵀ: rows run from the last to the first, Q and K exchanged. */
  readonly trans: boolean;
  readonly alpha: number;
  /** Z before the first row visited, [batch, r, p]; absent: 0. Never scaled by alpha. */
  readonly initialState?: T | undefined;
  /** Receives Z after the last row visited, [batch, r, p]. May be the same tensor as `initialState`. */
  readonly finalState?: T | undefined;
  /** Rows per chunk, ≥ 1; absent: the backend's choice. A hint: results differ by rounding only. */
  readonly chunk?: number | undefined;
}

/**
 * out ← α (op(T) X + F Z₀), Z ← Z₀ + Gᵀ X without decay; (F, G) = (Q, K), exchanged when `trans`. With decay as the
 * reference README has it, equations (2) and (8): forward, Z ← diag(e^{g_i}) Z comes before row i reads Z; transposed, after row i
 * was added to it.
 */
export interface ApplyParams<T extends Tensor = Tensor> extends ChunkedParams<T> {
  /** [batch, n, p]; overlaps nothing that is written */
  readonly x: T;
  /**
   * What `op.decay` acts on: the rank r, rows of Z, as everywhere else; or "columns", where it is [batch, n, p] (or [batch, n, 1]) and
   * Z ← Z diag(e^{g_i}). The gradients of Q and K need that.
   */
  readonly decayOn: "rank" | "columns";
}

/** Y = op(T)⁻¹ (B − F Z₀), out ← α Y, Z ← Z₀ + Gᵀ Y; (F, G) = (Q, K), exchanged when `trans`. Decay as in `ApplyParams`. */
export interface SolveParams<T extends Tensor = Tensor> extends ChunkedParams<T> {
  readonly op: DiagLowRankTril<T> & { readonly diag: T };
  /** [batch, n, p]; may be the same tensor as `out` */
  readonly b: T;
}

/** out ← T⁻¹, [batch, n, n]; the strict upper triangle is written with zeros. `p` = n. */
export interface InverseParams<T extends Tensor = Tensor> extends Sizes {
  readonly op: DiagLowRankTril<T> & { readonly diag: T };
  readonly out: T;
  readonly chunk?: number | undefined;
}

/** out_b ← A_b⁻¹ for lower triangular A_b, c×c, c ≤ 128. The strict upper triangle of `a` is never read; that of `out` is zeroed. */
export interface TrilInverseParams<T extends Tensor = Tensor> {
  readonly batch: number;
  readonly c: number;
  /** [batch, c, c] */
  readonly a: T;
  /** [batch, c, c]; overlaps `a` nowhere */
  readonly out: T;
}

/** out_i ← α x_i · y_i, [batch, n, 1] from two [batch, n, p]. */
export interface RowDotParams<T extends Tensor = Tensor> {
  readonly batch: number;
  readonly n: number;
  readonly p: number;
  readonly alpha: number;
  readonly x: T;
  readonly y: T;
  readonly out: T;
}

/**
 * The gradient of the decay from those of Q and K (reference README, equation (27)), a running sum over rows:
 *
 *     ḡ_t = s − Σ_{i<t} e_i,   e_i = q_i ∘ q̄_i − k_i ∘ k̄_i;     transposed:   ḡ_t = s + Σ_{i≥t} e_i
 *
 * and 0 where g_t = −∞. Where `decay` has one column and q has r, the channels are added up.
 */
export interface DecayVjpParams<T extends Tensor = Tensor> {
  readonly batch: number;
  readonly n: number;
  readonly r: number;
  readonly trans: boolean;
  /** [batch, n, 1] or [batch, n, r] */
  readonly decay: T;
  /** q, k and their gradients, each [batch, n, r] */
  readonly q: T;
  readonly k: T;
  readonly qGradient: T;
  readonly kGradient: T;
  /** s = ⟨Z₀, Z̄₀⟩ for every row of the state, [batch, r, 1]; absent: 0 */
  readonly start?: T | undefined;
  /** Shaped as `decay`. */
  readonly out: T;
}

/** out ← α x, or α xᵀ for each batch entry, between any two layouts. */
export interface CopyParams<T extends Tensor = Tensor> {
  readonly batch: number;
  /** Of `out`. */
  readonly rows: number;
  readonly cols: number;
  readonly alpha: number;
  /** x is [batch, cols, rows] then. */
  readonly trans: boolean;
  /** Overlaps `out` nowhere. */
  readonly x: T;
  readonly out: T;
}

/**
 * What a backend author writes. Arguments arrive complete, checked, and of the backend's own tensors, each in any
 * layout (`Layout`); no call is made when there is nothing to write. Each enqueues and returns; calls take effect in order.
 */
export interface Kernels<T extends Tensor = Tensor> {
  apply(p: ApplyParams<T>): void;
  solve(p: SolveParams<T>): void;
  inverse(p: InverseParams<T>): void;
  trilInverse(p: TrilInverseParams<T>): void;
  rowDot(p: RowDotParams<T>): void;
  copy(p: CopyParams<T>): void;
  decayVjp(p: DecayVjpParams<T>): void;
  /** May be absent: the layers are then composed of `solve` and `apply`. */
  deltaRule?(p: DeltaRuleParams<T>): void;
  deltaRuleVjp?(p: DeltaRuleVjpParams<T>): void;
  /**
   * A layer's small pieces. They may be absent where the host reaches the elements of tensors (`data`), and are then computed there;
   * a device has them.
   */
  normalizeRows?(p: NormalizeRowsParams<T>): void;
  gate?(p: GateParams<T>): void;
  causalConv?(p: CausalConvParams<T>): void;
  causalConvVjp?(p: CausalConvVjpParams<T>): void;
  gatedNorm?(p: GatedNormParams<T>): void;
}

export type KernelName = keyof Kernels;

/** Rows and columns of the largest block that `trilInverse` takes. */
export const MAX_TRIL_BLOCK = 128;

/** Tensors hold fewer elements than this on every backend, so that kernels may index in 32 bits. */
export const MAX_ELEMENTS: number = 2 ** 31 - 1;

/** What a backend can do, and which build or device does it. */
export interface Supports {
  readonly dtypes: readonly Dtype[];
  /** What decay the kernels take: "channel" takes one factor a row too. Absent: "none", and an operator with decay is refused. */
  readonly decay?: DecayKind | undefined;
  /** Kernels this backend lacks; core refuses them with UnsupportedError. */
  readonly missing?: readonly KernelName[] | undefined;
  /** Those of the two kernels that take an `eraseKey`. Absent: neither; a layer that has one is then composed. */
  readonly eraseKey?: readonly ("deltaRule" | "deltaRuleVjp")[] | undefined;
  readonly limits: {
    /** Bytes of one tensor. */
    readonly tensorBytes: number;
  };
  /** The build or device that runs: "js", "simd+threads (4)", "NVIDIA H200 (Vulkan)". */
  readonly build: string;
  /** Why not a better one, where there is a better one. */
  readonly fallback?: string | undefined;
  /** Runs on a software device: right, but no measure of speed. */
  readonly software?: boolean | undefined;
  /**
   * Subnormal numbers may count as 0, as WebGPU allows: |x| < 2⁻¹²⁶ in "f32". `check: true` then takes a subnormal λ
   * for singular.
   */
  readonly flushesSubnormals?: boolean | undefined;
}

/** Work to get ready for: compile pipelines, grow memory. */
export interface PrepareParams extends Sizes {
  readonly kernel: KernelName;
  readonly dtype?: Dtype | undefined;
  readonly decay?: DecayKind | undefined;
  readonly trans?: boolean | undefined;
  readonly chunk?: number | undefined;
}

/**
 * One device, its memory, and its kernels. Operations enqueue synchronously and in order; only creating a
 * backend, `prepare`, `read` and `sync` are awaited.
 */
export interface Backend<T extends Tensor = Tensor> extends AsyncDisposable {
  readonly name: string;
  readonly supports: Supports;
  readonly kernels: Kernels<T>;
  readonly disposed: boolean;
  /** Uninitialised elements. dtype defaults to the first of `supports.dtypes`. @throws ShapeError, UnsupportedError, LimitError, DisposedError */
  empty(shape: Shape, dtype?: Dtype): T;
  /** Copies. dtype is that of the view's array. @throws ShapeError, DtypeError, ValueError, UnsupportedError, LimitError, DisposedError */
  upload(view: HostView): T;
  /**
   * A tensor that shares the elements of `t`: of any shape and layout whose elements are among those of `t`, from whose
   * first `layout.offset` counts. It counts 0 in `memory()`, disposing it frees nothing, and it is disposed with `t`.
   * @throws ShapeError, ValueError, DisposedError
   */
  view(t: T, shape: Shape, layout: Layout): T;
  /**
   * A fresh array with the elements in row-major order, after all work enqueued before. It rejects, each time, where that
   * work failed before or while it computed these elements or what they were computed from, and for no other reason.
   */
  read(t: T): Promise<Float32Array | Float64Array>;
  /** After all work enqueued before. Rejects with the first fault of that work that no `sync` before has told. */
  sync(): Promise<void>;
  /** What lives: tensors not disposed, and their bytes. */
  memory(): { tensors: number; bytes: number };
  prepare?(p: PrepareParams): Promise<void>;
  /**
   * The shape of the tensor, of the inputs' dtype, that `deltaRule` and `deltaRuleVjp` take as `kept` for a call of these sizes; one
   * without elements: nothing is worth keeping. Absent: the backend keeps nothing, and its kernels are never given any.
   */
  keptShape?(sizes: Sizes, dtype: Dtype): Shape;
  /**
   * For backends whose tensors the host cannot read at once: a rejection of `pending` must reject every `read` of
   * `results` as they now are, and of what is computed from them, and nothing else. `check: true` needs it there.
   */
  defer?(pending: Promise<void>, results: readonly T[]): void;
  /** Frees every tensor; idempotent. Work in flight is waited for. */
  dispose(): Promise<void>;
}
