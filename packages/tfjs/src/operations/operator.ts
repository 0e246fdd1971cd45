import * as core from "@dlrt/core";
import type { Backend, DiagLowRankTril, Tensor } from "@dlrt/core";
import { checkFlag, checkOptions } from "@dlrt/core/backend";
import type * as tf from "@tensorflow/tfjs";
import { checkInput, checkInputs } from "../bridge/check.js";
import { differentiable } from "../bridge/differentiable.js";
import type { Tensors, TfInputs, TfOptions, TfResult } from "./call.js";

/** The options of `solve` and `apply`: those of @dlrt/core with which a gradient can be computed. */
export type OperatorOptions = TfOptions<Pick<core.SolveOptions, "trans" | "alpha" | "chunk">>;

const optionNames = ["trans", "alpha", "chunk", "initialState", "finalState"];

/**
 * Y = α op(T)⁻¹ (B − F Z₀) with T = Λ + tril(Q Kᵀ, −1) and its decay, in O(n r p), with the gradients of λ, q, k, g, b and Z₀: `solve` of
 * @dlrt/core.
 * @param op has diag [batch, n, 1], q and k [batch, n, r], and decay [batch, n, 1] or [batch, n, r] if any
 * @param b [batch, n, p]
 * @returns `output`, Y, and `finalState` [batch, r, p] where asked
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function solve<T extends Tensor>(
  backend: Backend<T>,
  op: TfInputs<DiagLowRankTril>,
  b: tf.Tensor,
  options: OperatorOptions = {},
): TfResult {
  return operate("b", backend, op, b, options);
}

/**
 * Y = α (op(T) X + F Z₀) with the gradients of λ, q, k, g, x and Z₀: `apply` of @dlrt/core. Without `diag`, Λ = 0.
 * @param x [batch, n, p]
 * @returns as `solve`
 * @throws as `solve`
 */
export function apply<T extends Tensor>(
  backend: Backend<T>,
  op: TfInputs<DiagLowRankTril>,
  x: tf.Tensor,
  options: OperatorOptions = {},
): TfResult {
  return operate("x", backend, op, x, options);
}

/** Computes `solve` where the right-hand side is called b, and `apply` where it is called x. */
function operate<T extends Tensor>(
  side: "b" | "x",
  backend: Backend<T>,
  op: object,
  right: tf.Tensor,
  options: OperatorOptions,
): TfResult {
  checkOptions("op", op, ["diag", "q", "k", "decay"]);
  checkOptions("options", options, optionNames);
  const { initialState, finalState: wanted, ...rest } = options;
  checkFlag("finalState", wanted);
  const inputs = checkInputs("op", op);
  inputs[side] = checkInput(side, right);
  if (initialState !== undefined) inputs["initialState"] = checkInput("initialState", initialState);
  const operation = side === "b" ? core.solve : core.apply;
  const results = differentiable<T>({
    backend,
    inputs,
    keepsResults: side === "b",
    forward: (taken) => {
      const { operator, right, state } = apart(taken, side);
      const final = wanted ? backend.empty([right.shape[0], operator.q.shape[2], right.shape[2]]) : undefined;
      try {
        const output = operation(backend, operator, right, {
          ...rest,
          initialState: state,
          finalState: final,
        });
        return { output, ...(final && { finalState: final }) };
      } catch (error) {
        final?.dispose();
        throw error;
      }
    },
    backward: (taken, { output, finalState }, results) => {
      const { operator, right, state } = apart(taken, side);
      const how = { ...rest, initialState: state, finalStateCotangent: finalState };
      const gradients =
        side === "b"
          ? core.solveVjp(backend, operator, results["output"]!, output!, how)
          : core.applyVjp(backend, operator, right, output!, how);
      return gradients as unknown as Tensors<T>;
    },
  });
  return results as unknown as TfResult;
}

/** The inputs of an operation, taken apart again into its arguments. */
interface Apart<T extends Tensor> {
  readonly operator: DiagLowRankTril<T>;
  readonly right: T;
  readonly state: T | undefined;
}

/** Takes the inputs apart; `side` is the name of the right-hand side among them. */
function apart<T extends Tensor>(taken: Tensors<T>, side: string): Apart<T> {
  const { initialState: state, [side]: right, ...operator } = taken;
  return { operator: operator as unknown as DiagLowRankTril<T>, right: right!, state };
}
