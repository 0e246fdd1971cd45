import { ShapeError, DtypeError, ValueError, type Backend, type Tensor } from "@dlrt/core";
import { checkReadable, describe } from "@dlrt/core/backend";
import { checkPieces } from "../engine/pieces.js";
import type { Inputs } from "../engine/check.js";
import { sum, sumHeads } from "../engine/elementwise.js";
import type { Heads } from "../engine/options.js";
import { rowsOf, type Packed, type Piece } from "../engine/packed.js";
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
  /** w, what corrections compare with the keys, [B, T, Hq·K]. Default: the query */
  readonly erase?: T | undefined;
  /** β, [B, T, H] for the H heads of the output, or a divisor of them. Default: 1 */
  readonly beta?: T | undefined;
}

export interface DeltaFormerOptions {
  /** Grouped queries and values are ratios of these, as in every layer. The output has as many heads as the largest. */
  readonly heads: Heads;
  /** What scores are multiplied by before their exponential. Default: 1/√K */
  readonly scale?: number | undefined;
  /** Default "softmax". "exp" leaves out both normalisers: exp(score) as it is, which overflows as exp does. */
  readonly kernel?: Kernel | undefined;
  /** Bounds of sequences packed into one of B = 1: 0 = s₀ ≤ … ≤ s_N = T. */
  readonly sequences?: Int32Array | undefined;
}

/** What its inputs are. */
export const fields: Readonly<Record<keyof DeltaFormerInputs, Field>> = {
  query: { role: "query" },
  key: { role: "key" },
  value: { role: "value" },
  erase: { role: "query", optional: true },
  beta: { role: "number", optional: true },
};
const optionNames = ["heads", "scale", "kernel", "sequences"];

/**
 * DeltaFormer, softmax attention to corrections that a delta rule without a fixed state makes:
 *
 *     u_i = v_i − β_i Σ_{j<i} softmax_{j<i}(scale · w_i·k_j) u_j;     o_i = Σ_{j≤i} softmax_{j≤i}(scale · q_i·k_j) u_j
 *
 * that is O = A T⁻¹ V with T = I + diag(β) tril(P, −1), P the weights of w, whose rank is not low. T is solved by blocked substitution
 * in O(T² (K + V)), and at most 64 rows of weights are in memory. Exponentials are computed on the host.
 *
 * @returns [B, T, heads·V], a new tensor, the caller's to dispose
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
    for (const piece of call.pieces) {
      if (piece.rows > 0) attend(scope, rowsIn(scope, call, piece), call, view(scope, call, piece, output));
    }
    return { output: scope.release(output.tensor) };
  });
}

/**
 * Gradients of `deltaFormer` for every input that was given; the corrections and weights are computed once more.
 * @param cotangents of the output, [B, T, heads·V]
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
    for (const piece of call.pieces) {
      if (piece.rows === 0) continue;
      const of = (x: Packed<T>): T => view(scope, call, piece, x);
      const { query, key, value, erase, beta } = whole;
      const to = { query: of(query), key: of(key), value: of(value), erase: of(erase), beta: of(beta) };
      attendBack(scope, rowsIn(scope, call, piece), call, of({ ...bar, heads: outHeads }), to);
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
  readonly pieces: readonly Piece[];
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
  const pieces = checkPieces({ sequences: options.sequences }, call.batch, call.tokens);
  checkHost(backend, inputs.query);
  return { ...call, kernel, pieces };
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

const view = <T extends Tensor>(scope: Scope<T>, call: Call<T>, piece: Piece, x: Packed<T>): T =>
  rowsOf(scope.backend, x, piece, call.outHeads);

function rowsIn<T extends Tensor>(scope: Scope<T>, call: Call<T>, piece: Piece): Rows<T> {
  const { query, key, value, erase, beta } = call.inputs as Record<
    keyof DeltaFormerInputs,
    Packed<T> | undefined
  >;
  const of = (x: Packed<T>): T => view(scope, call, piece, x);
  return {
    query: of(query!),
    key: of(key!),
    value: of(value!),
    erase: of(erase ?? query!),
    beta: beta ? of(beta) : scope.repeated(1, [piece.batch * call.outHeads, piece.rows, 1]),
  };
}
