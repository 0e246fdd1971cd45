import { ShapeError, DtypeError, ValueError, type Backend, type Tensor } from "@dlrt/core";
import { checkReadable, describe } from "@dlrt/core/backend";
import { checkSpans } from "../engine/spans.js";
import type { Inputs } from "../engine/check.js";
import { sum, sumHeads } from "../engine/elementwise.js";
import type { Heads } from "../engine/options.js";
import { rowsOf, type Packed, type Span } from "../engine/packed.js";
import { withScope, type Scope } from "../engine/scope.js";
import { checkAttention, type CheckedAttention, type Field } from "./check.js";
import type { Rows } from "./blocks.js";
import { attend, attendBack } from "./delta-former-passes.js";
import { checkHost, type Kernel } from "./weights.js";

export interface DeltaFormerInputs<T extends Tensor = Tensor> {
  /** [B, T, Hq·K] */
  readonly query: T;
  /** [B, T, Hk·K] */
  readonly key: T;
  /** [B, T, Hv·V] */
  readonly value: T;
  /** w, the rows with which the corrections compare the keys, [B, T, Hq·K]. Default: the query */
  readonly erase?: T | undefined;
  /** β, [B, T, H] for the H heads of the output or a divisor of them. Default: 1 */
  readonly beta?: T | undefined;
}

export interface DeltaFormerOptions {
  /** Grouped queries and values are ratios of these, as in every layer. The output has as many heads as the largest. */
  readonly heads: Heads;
  /** What the scores are multiplied by before their exponential. Default: 1/√K */
  readonly scale?: number | undefined;
  /** How scores become weights. Default "softmax". "exp" leaves out the normaliser: a weight is exp(score), which overflows as exp does. */
  readonly kernel?: Kernel | undefined;
  /** The bounds of N sequences that are packed into one of B = 1: 0 = s₀ ≤ … ≤ s_N = T. */
  readonly sequences?: Int32Array | undefined;
}

/** The descriptions of its inputs. */
export const fields: Readonly<Record<keyof DeltaFormerInputs, Field>> = {
  query: { role: "query" },
  key: { role: "key" },
  value: { role: "value" },
  erase: { role: "query", optional: true },
  beta: { role: "number", optional: true },
};
const optionNames = ["heads", "scale", "kernel", "sequences"];

/**
 * Computes DeltaFormer: softmax attention to corrections that a delta rule without a state of fixed size makes,
 *
 *     u_i = v_i − β_i Σ_{j<i} softmax_{j<i}(scale · w_i·k_j) u_j;     o_i = Σ_{j≤i} softmax_{j≤i}(scale · q_i·k_j) u_j
 *
 * that is O = A T⁻¹ V with T = I + diag(β) tril(P, −1), where A are the weights of the queries and P those of w, whose rank is not low. T is
 * solved by blocked substitution in O(T² (K + V)), and at most 64 rows of weights are in memory. Exponentials are computed on the host.
 * From Zhong, Xu, Ao and Shi, "Understanding Transformer from the Perspective of Associative Memory", arXiv 2505.19488.
 *
 * @returns `output`, [B, T, heads·V], a new tensor, the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, LimitError; UnsupportedError on a backend whose tensors the host
 * cannot read at once
 */
export function deltaFormer<T extends Tensor>(
  backend: Backend<T>,
  inputs: DeltaFormerInputs<T>,
  options: DeltaFormerOptions,
): { readonly output: T } {
  const call = check(backend, inputs, options);
  return withScope(backend, call.dtype, (scope) => {
    const output = scope.packed(call.batch, call.tokens, call.outHeads, call.inputs["value"]!.width);
    for (const span of call.spans) {
      if (span.rows > 0) attend(scope, rowsIn(scope, call, span), call, view(scope, call, span, output));
    }
    return { output: scope.release(output.tensor) };
  });
}

/**
 * Computes the gradients of `deltaFormer` for every input that was given. Corrections and weights are computed once more.
 * @param cotangents hold that of the output, [B, T, heads·V]
 * @returns new tensors, the caller's to dispose
 * @throws as `deltaFormer`
 */
export function deltaFormerVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: DeltaFormerInputs<T>,
  cotangents: { readonly output: T },
  options: DeltaFormerOptions,
): DeltaFormerInputs<T> {
  const call = check(backend, inputs, options);
  const { batch, tokens, outHeads, dtype, inputs: given } = call;
  const bar = checkCotangent(backend, cotangents?.output, call);
  return withScope(backend, dtype, (scope) => {
    const keyWidth = given["key"]!.width;
    const make = (width: number): Packed<T> => scope.packed(batch, tokens, outHeads, width);
    const whole = {
      query: make(keyWidth),
      key: make(keyWidth),
      value: make(given["value"]!.width),
      erase: make(keyWidth),
      beta: make(1),
    };
    for (const span of call.spans) {
      if (span.rows === 0) continue;
      const of = (x: Packed<T>): T => view(scope, call, span, x);
      const { query, key, value, erase, beta } = whole;
      const to = { query: of(query), key: of(key), value: of(value), erase: of(erase), beta: of(beta) };
      attendBack(scope, rowsIn(scope, call, span), call, of({ ...bar, heads: outHeads }), to);
    }
    const query = given["erase"] ? whole.query : sum(scope, whole.query, whole.erase);
    const gradients = Object.entries(given).map(([name, { heads }]) => {
      const gradient = name === "query" ? query : whole[name as keyof typeof whole];
      return [name, scope.release(sumHeads(scope, gradient, heads).tensor)];
    });
    return Object.fromEntries(gradients) as DeltaFormerInputs<T>;
  });
}

interface Call<T extends Tensor> extends CheckedAttention<T> {
  readonly kernel: Kernel;
  readonly spans: readonly Span[];
}

function check<T extends Tensor>(
  backend: Backend<T>,
  inputs: DeltaFormerInputs<T>,
  options: DeltaFormerOptions,
): Call<T> {
  const call = checkAttention(backend, fields, inputs as unknown as Inputs<T>, options, optionNames, "out");
  const { kernel = "softmax" } = options;
  if (kernel !== "softmax" && kernel !== "exp")
    throw new ValueError("kernel", '"softmax" or "exp"', describe(kernel));
  const spans = checkSpans({ sequences: options.sequences }, call.batch, call.tokens);
  checkHost(backend, inputs.query);
  return { ...call, kernel, spans };
}

function checkCotangent<T extends Tensor>(backend: Backend<T>, bar: T, call: Call<T>): Packed<T> {
  checkReadable(backend, "cotangents.output", bar);
  const { batch, tokens, outHeads, dtype } = call;
  if (bar.dtype !== dtype) throw new DtypeError("cotangents.output", dtype, bar.dtype);
  const { width } = call.inputs["value"]!;
  const expected = [batch, tokens, outHeads * width];
  if (bar.shape.some((size, axis) => size !== expected[axis]))
    throw new ShapeError("cotangents.output", expected.join(" × "), bar.shape.join(" × "));
  if (bar.layout.heads !== 1)
    throw new ShapeError("cotangents.output", "one head a sequence", `${bar.layout.heads} heads`);
  return { tensor: bar, heads: outHeads, width };
}

/** Returns the rows of a span with an entry for every head of the output, without a copy. */
const view = <T extends Tensor>(scope: Scope<T>, call: Call<T>, span: Span, x: Packed<T>): T =>
  rowsOf(scope.backend, x, span, call.outHeads);

function rowsIn<T extends Tensor>(scope: Scope<T>, call: Call<T>, span: Span): Rows<T> {
  const { query, key, value, erase, beta } = call.inputs as Record<
    keyof DeltaFormerInputs,
    Packed<T> | undefined
  >;
  const of = (x: Packed<T>): T => view(scope, call, span, x);
  return {
    query: of(query!),
    key: of(key!),
    value: of(value!),
    erase: of(erase ?? query!),
    beta: beta ? of(beta) : scope.repeated(1, [span.batch * call.outHeads, span.rows, 1]),
  };
}
