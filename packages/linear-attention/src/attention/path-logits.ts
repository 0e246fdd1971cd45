import { DtypeError, ShapeError, type Backend, type Shape, type Tensor } from "@dlrt/core";
import { checkOptions, checkReadable } from "@dlrt/core/backend";
import type { Inputs } from "../engine/check.js";
import { withScope } from "../engine/scope.js";
import { Tape } from "../engine/tape.js";
import { checkAttention, type CheckedAttention, type Field } from "./check.js";
import { pathOutput } from "./path-passes.js";

export interface PathLogitsInputs<T extends Tensor = Tensor> {
  /** [B, T, Hq·K] */
  readonly query: T;
  /** [B, T, Hk·K] */
  readonly key: T;
  /** w, [B, T, Hk·K], whose heads have length 1 in PaTH */
  readonly erase: T;
  /** β, [B, T, Hk] or [B, T, 1], from 0 to 2 in PaTH */
  readonly beta: T;
}

export interface PathLogitsOptions {
  /** The numbers of heads. The larger is a multiple of the smaller, whose heads are shared by neighbours. Default of the key: as the query. */
  readonly heads: { readonly query: number; readonly key?: number | undefined };
  /** What the logits are multiplied by. Default: 1/√K */
  readonly scale?: number | undefined;
}

/** The descriptions of its inputs. */
export const fields: Readonly<Record<string, Field>> = {
  query: { role: "query" },
  key: { role: "key" },
  erase: { role: "key" },
  beta: { role: "number" },
};

/**
 * Computes the logits of PaTH attention, scale · q_iᵀ H_i H_{i−1} ⋯ H_{j+1} k_j for j ≤ i, where H_t = I − β_t w_t w_tᵀ stands between token t and
 * the one before it. They are computed all at once, as
 *
 *     scale · (tril(Q Kᵀ) − tril(Q Wᵀ) T⁻¹ tril(β W Kᵀ, −1)),     T = I + tril(β W Wᵀ, −1)
 *
 * in O(T² K) for each head. The softmax over j ≤ i, a forget gate and the product with the values are left to the caller. From Yang and
 * others, "PaTH Attention", arXiv 2505.16381.
 *
 * @returns [B·heads, T, T], with as many heads as query or key, whichever has more, and 0 for j > i: a new tensor, the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function pathLogits<T extends Tensor>(
  backend: Backend<T>,
  inputs: PathLogitsInputs<T>,
  options: PathLogitsOptions,
): T {
  const call = check(backend, inputs, options);
  return withScope(backend, call.dtype, (scope) =>
    scope.release(pathOutput(new Tape(scope, false), call).output.tensor),
  );
}

/**
 * Computes the gradients of `pathLogits` for every input. What they need of the forward pass is computed once more.
 * @param cotangent is that of the logits, [B·heads, T, T]; what it holds for j > i plays no part
 * @returns new tensors, the caller's to dispose
 * @throws as `pathLogits`
 */
export function pathLogitsVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: PathLogitsInputs<T>,
  cotangent: T,
  options: PathLogitsOptions,
): PathLogitsInputs<T> {
  const call = check(backend, inputs, options);
  const { batch, tokens, outHeads, dtype } = call;
  checkReadable(backend, "cotangent", cotangent);
  if (cotangent.dtype !== dtype) throw new DtypeError("cotangent", dtype, cotangent.dtype);
  const shape: Shape = [batch * outHeads, tokens, tokens];
  if (cotangent.shape.some((size, axis) => size !== shape[axis]))
    throw new ShapeError("cotangent", shape.join(" × "), cotangent.shape.join(" × "));
  return withScope(backend, dtype, (scope) => {
    const tape = new Tape(scope, true);
    const { output, values } = pathOutput(tape, call);
    tape.backward(output, { tensor: cotangent, heads: 1, width: tokens });
    const gradients = Object.entries(values).map(([name, { gradient }]) => [
      name,
      scope.release(gradient!.tensor),
    ]);
    return Object.fromEntries(gradients) as PathLogitsInputs<T>;
  });
}

function check<T extends Tensor>(
  backend: Backend<T>,
  inputs: PathLogitsInputs<T>,
  options: PathLogitsOptions,
): CheckedAttention<T> {
  if (options?.heads !== undefined) checkOptions("heads", options.heads, ["query", "key"]);
  return checkAttention(backend, fields, inputs as unknown as Inputs<T>, options, ["heads", "scale"], "key");
}
