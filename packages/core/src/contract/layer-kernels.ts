import type { Sizes } from "./sizes.js";
import type { Tensor } from "./tensor.js";

/**
 * A layer's token mixer, erasing and writing by the delta rule, with Z [batch, r, p] in a head (reference README: what `solve` and
 * `apply` on one state make of it; U are the corrections):
 *
 *     P_i = e_i ∘ k_i,   W_i = w_i ∘ v_i
 *     Z ← diag(exp(g_i)) Z;   u_i = W_i − Zᵀ P_i;   Z ← Z + k_i u_iᵀ;   out_i = scale · Zᵀ q_i
 *
 * With an erase key p of its own, as Comba has it, P_i = e_i ∘ p_i reads Z before the row decays, which is by one number then:
 *
 *     u_i = W_i − Zᵀ P_i;   Z ← exp(g_i) Z + k_i u_iᵀ
 *
 * Query, key and erase key are x / √(Σx² + eps) where `eps` is given, and P_i is of the normalised one.
 */
export interface DeltaRuleParams<T extends Tensor = Tensor> extends Sizes, DeltaRuleInputs<T> {
  readonly scale: number;
  /** Added to the squares of a row of query and of each key before they are normalised; absent: they are taken as they are. */
  readonly eps?: number | undefined;
  /** Receives Z after the last row, [batch, r, p]. May be the same tensor as `initialState`. */
  readonly finalState?: T | undefined;
  /**
   * Receives what `deltaRuleVjp` would otherwise compute once more, the corrections above all: a contiguous tensor of the backend's
   * `keptShape`, which overlaps nothing else and means something to that backend alone.
   */
  readonly kept?: T | undefined;
  /** [batch, n, p]; overlaps no input */
  readonly out: T;
  /** Rows per chunk, ≥ 1; absent: the backend's choice. A hint: results differ by rounding only. */
  readonly chunk?: number | undefined;
}

export interface DeltaRuleInputs<T extends Tensor = Tensor> {
  /** q, [batch, n, r] */
  readonly query: T;
  /** k, [batch, n, r] */
  readonly key: T;
  /** v, [batch, n, p] */
  readonly value: T;
  /** e, [batch, n, 1] or [batch, n, r] */
  readonly erase: T;
  /** p, [batch, n, r]; only where the backend `supports` it, and with a decay of one column or none */
  readonly eraseKey?: T | undefined;
  /** w, [batch, n, 1] or [batch, n, p]; absent: `erase`, of one column, which is then the layer's β. */
  readonly write?: T | undefined;
  /** g, [batch, n, 1] or [batch, n, r]; absent: 0 */
  readonly decay?: T | undefined;
  /** Z before the first row, [batch, r, p]; absent: 0 */
  readonly initialState?: T | undefined;
}

/** The gradients of `deltaRule`; what is needed of the forward pass is computed once more, unless it was `kept`. */
export interface DeltaRuleVjpParams<T extends Tensor = Tensor> extends Sizes, DeltaRuleInputs<T> {
  readonly scale: number;
  readonly eps?: number | undefined;
  readonly chunk?: number | undefined;
  /** As `deltaRule` left it for the same inputs and sizes. It is not written. */
  readonly kept?: T | undefined;
  /** Cotangents: of out, [batch, n, p], and of the final state, [batch, r, p], absent: 0. */
  readonly outCotangent: T;
  readonly finalStateCotangent?: T | undefined;
  /**
   * Where the gradients go, each shaped as its input, absent where nobody asks. They overlap neither inputs nor each other. Without
   * `write`, that of `erase` is the whole gradient of β. That of `decay` is 0 where g = −∞.
   */
  readonly gradients: { readonly [name in keyof DeltaRuleInputs]?: T | undefined };
}

/**
 * out_i ← x_i / √(x_i·x_i + eps), [batch, n, p]. Given a cotangent, out is the gradient of x: (ȳ − y (y·ȳ)) / √(x·x + eps), finite
 * where x = 0. Finite x gives a finite y, however large its squares.
 */
export interface NormalizeRowsParams<T extends Tensor = Tensor> {
  readonly batch: number;
  readonly n: number;
  readonly p: number;
  /** > 0, a normal number of the dtype */
  readonly eps: number;
  /** [batch, n, p] */
  readonly x: T;
  /** ȳ, [batch, n, p] */
  readonly cotangent?: T | undefined;
  /** [batch, n, p]; overlaps neither `x` nor `cotangent` */
  readonly out: T;
}

/**
 * The logarithm of a decay from what a model projects: g = −exp(a) · softplus(x + bias), or with a lower bound
 * g = lowerBound · sigmoid(exp(a) (x + bias)). Given a cotangent ḡ, the gradients are written instead: out ← ḡ ∘ ∂g/∂x, which is that
 * of the bias too, and the terms of that of a. Finite inputs give no NaN, though exp(a) may overflow and softplus underflow.
 */
export interface GateParams<T extends Tensor = Tensor> {
  readonly batch: number;
  readonly n: number;
  readonly p: number;
  /** [batch, n, p] */
  readonly x: T;
  /** A_log, [batch, 1, 1] */
  readonly a: T;
  /** dt_bias, [batch, 1, p] */
  readonly bias: T;
  /** What the sigmoid is multiplied by: < 0 for a decay, > 0 for β = σ(x) or 2σ(x). Absent: the softplus */
  readonly lowerBound?: number | undefined;
  /** ḡ, [batch, n, p] */
  readonly cotangent?: T | undefined;
  /** With a cotangent: receives Σ over the columns of ḡ ∘ ∂g/∂a, [batch, n, 1]. */
  readonly aTerms?: T | undefined;
  /** [batch, n, p]; overlaps no input */
  readonly out: T;
}

/**
 * A causal convolution of each channel along the tokens: with X the initial state of k − 1 rows followed by x, k = `taps`,
 *
 *     y_i = bias + Σ_{j<k} weight_j ∘ X_{i+j},   out_i = y_i, or y_i sigmoid(y_i) where the activation is "silu"
 *
 * and the final state is the last k − 1 rows of X, some of which are the initial state's where n < k − 1.
 */
export interface CausalConvParams<T extends Tensor = Tensor> {
  readonly batch: number;
  /** tokens, ≥ 1 */
  readonly n: number;
  /** channels */
  readonly p: number;
  /** taps, ≥ 1 */
  readonly taps: number;
  readonly activation: "none" | "silu";
  /** [batch, n, p] */
  readonly x: T;
  /** [batch, taps, p]: the last tap meets the token itself */
  readonly weight: T;
  /** [batch, 1, p]; absent: 0 */
  readonly bias?: T | undefined;
  /** [batch, taps − 1, p]: the rows before the first; absent: 0 */
  readonly initialState?: T | undefined;
  /** Receives X's last rows, [batch, taps − 1, p]; overlaps nothing, the initial state neither. */
  readonly finalState?: T | undefined;
  /** [batch, n, p]; overlaps no input */
  readonly out: T;
}

/**
 * The gradients of `causalConv`, the sums over tokens included; each entry of the batch has its own. With ȳ the cotangent of y (through
 * the activation) and s̄ that of the final state, X̄_m = Σ_j weight_j ∘ ȳ_{m−j} + s̄_{m−n}, where there are such rows.
 */
export interface CausalConvVjpParams<T extends Tensor = Tensor> extends Omit<
  CausalConvParams<T>,
  "out" | "finalState"
> {
  /** Of `out`, [batch, n, p] */
  readonly cotangent: T;
  /** s̄, [batch, taps − 1, p]; absent: 0 */
  readonly finalStateCotangent?: T | undefined;
  /** Shaped as the inputs; absent where nobody asks. They overlap neither inputs nor each other. */
  readonly gradients: {
    readonly x?: T | undefined;
    readonly weight?: T | undefined;
    readonly bias?: T | undefined;
    readonly initialState?: T | undefined;
  };
}

/**
 * out_i ← x_i / √(mean(x_i²) + eps) ∘ weight ∘ f(z_i), with f(z) = z sigmoid(z) ("silu") or sigmoid(z). Given a cotangent ȳ, the
 * gradients are written instead: those of x and z, and in `weightTerms` those of the weight, row by row: ȳ ∘ x / √(…) ∘ f(z), whose sum
 * over rows is the weight's. Finite x and z give a finite result, however large their squares.
 */
export interface GatedNormParams<T extends Tensor = Tensor> {
  readonly batch: number;
  readonly n: number;
  readonly p: number;
  /** > 0, a normal number of the dtype */
  readonly eps: number;
  readonly activation: "silu" | "sigmoid";
  /** [batch, n, p] */
  readonly x: T;
  /** z, [batch, n, p]; absent: f = 1 */
  readonly gate?: T | undefined;
  /** [batch, 1, p]; absent: 1 */
  readonly weight?: T | undefined;
  /** [batch, n, p], absent with a cotangent; overlaps no input */
  readonly out?: T | undefined;
  /** ȳ, [batch, n, p] */
  readonly cotangent?: T | undefined;
  /** Each [batch, n, p], absent where nobody asks. They overlap neither inputs nor each other. */
  readonly gradients?:
    | { readonly x?: T | undefined; readonly gate?: T | undefined; readonly weightTerms?: T | undefined }
    | undefined;
}
