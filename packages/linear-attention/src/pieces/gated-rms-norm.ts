import { elementCount, ValueError, type Backend, type Tensor } from "@dlrt/core";
import { checkOptions, checkPiece, describe, runPiece, type PieceParams } from "@dlrt/core/backend";
import { checkEpsilon } from "../engine/check-options.js";
import { sumTokens } from "../engine/elementwise.js";
import { wholeOf, type Packed } from "../engine/packed.js";
import { withScope, type Scope } from "../engine/scope.js";
import {
  checkFirst,
  checkHeadCount,
  checkOutputCotangent,
  checkPacked,
  type OutputCotangent,
  type PieceGradients,
} from "./check.js";
import { perEntry } from "./parameters.js";

export interface GatedRmsNormInputs<T extends Tensor = Tensor> {
  /** A layer's output, [B, T, H·D] */
  readonly x: T;
  /** z, [B, T, H·D]. Default: there is no gate */
  readonly gate?: T | undefined;
  /** w, one number for each column of a head, [1, 1, D]. It is taken as it is, not as 1 + w. Default: ones */
  readonly weight?: T | undefined;
}

export interface GatedRmsNormOptions {
  /** H. Every head of a token is normalised by itself. Default 1. */
  readonly heads?: number | undefined;
  /** What is added to the mean of squares, > 0. Default 1e-6. */
  readonly eps?: number | undefined;
  /** f, the function that the gate goes through: z σ(z) ("silu", the default) or σ(z) ("sigmoid"). */
  readonly activation?: "silu" | "sigmoid" | undefined;
}

interface Call<T extends Tensor> extends GatedRmsNormInputs<T> {
  readonly packed: Packed<T>;
  readonly eps: number;
  readonly activation: "silu" | "sigmoid";
}

/**
 * Computes x / √(mean(x²) + eps) ∘ w ∘ f(z), the mean being over the columns of each head: what follows a layer's output in Qwen3-Next,
 * Qwen3.5 (SiLU) and Kimi (sigmoid). From Zhang and Sennrich, "Root Mean Square Layer Normalization", arXiv 1910.07467.
 * @returns [B, T, H·D], the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function gatedRmsNorm<T extends Tensor>(
  backend: Backend<T>,
  inputs: GatedRmsNormInputs<T>,
  options: GatedRmsNormOptions = {},
): T {
  const call = checkNorm(backend, inputs, options);
  return withScope(backend, call.x.dtype, (scope) => {
    const out = scope.empty(call.x.shape);
    run(scope, call, { out: wholeOf(backend, { ...call.packed, tensor: out }) });
    return scope.release(out);
  });
}

/**
 * Computes the gradients of `gatedRmsNorm` for every input that was given.
 * @returns new tensors, the caller's to dispose
 * @throws as `gatedRmsNorm`
 */
export function gatedRmsNormVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: GatedRmsNormInputs<T>,
  cotangents: OutputCotangent<T>,
  options: GatedRmsNormOptions = {},
): PieceGradients<GatedRmsNormInputs<T>> {
  const call = checkNorm(backend, inputs, options);
  const { x, packed } = call;
  checkOutputCotangent(backend, cotangents, x);
  return withScope(backend, x.dtype, (scope) => {
    const whole = (tensor: T): T => wholeOf(backend, { ...packed, tensor });
    const gradients = {
      x: scope.empty(x.shape),
      gate: call.gate && scope.empty(x.shape),
      weightTerms: call.weight && scope.empty(x.shape),
    };
    run(scope, call, {
      cotangent: whole(cotangents.output ?? scope.full(0, x.shape)),
      gradients: {
        x: whole(gradients.x),
        gate: gradients.gate && whole(gradients.gate),
        weightTerms: gradients.weightTerms && whole(gradients.weightTerms),
      },
    });
    return {
      x: scope.release(gradients.x),
      ...(gradients.gate && { gate: scope.release(gradients.gate) }),
      ...(gradients.weightTerms && {
        weight: scope.release(sumTokens(scope, headsAsTokens(scope, packed, gradients.weightTerms)).tensor),
      }),
    };
  });
}

/** Returns [B, T, H·D] as [1, B·T·H, D], without a copy. */
function headsAsTokens<T extends Tensor>(scope: Scope<T>, { heads, width }: Packed<T>, own: T): Packed<T> {
  const [batch, tokens] = own.shape;
  const rows = batch * tokens * heads;
  const layout = { offset: 0, heads: 1, shared: 1, batch: rows * width, head: 0, row: width };
  return { tensor: scope.backend.view(own, [1, rows, width], layout), heads: 1, width };
}

function run<T extends Tensor>(
  { backend }: Scope<T>,
  { x, gate, weight, packed, eps, activation }: Call<T>,
  results: Pick<PieceParams<"gatedNorm", T>, "out" | "cotangent" | "gradients">,
): void {
  const { heads, width } = packed;
  const [batch, tokens] = x.shape;
  if (elementCount(x.shape) === 0) return;
  runPiece(backend, "gatedNorm", {
    batch: batch * heads,
    n: tokens,
    p: width,
    eps,
    activation,
    x: wholeOf(backend, packed),
    gate: gate && wholeOf(backend, { ...packed, tensor: gate }),
    weight: weight && perEntry(backend, weight, batch, heads, width),
    ...results,
  });
}

function checkNorm<T extends Tensor>(
  backend: Backend<T>,
  inputs: GatedRmsNormInputs<T>,
  options: GatedRmsNormOptions,
): Call<T> {
  const x = checkFirst(backend, inputs, ["x", "gate", "weight"]);
  checkOptions("options", options, ["heads", "eps", "activation"]);
  const { heads: count = 1, eps: given = 1e-6, activation = "silu" } = options;
  const heads = checkHeadCount(count, "x", x);
  const width = x.shape[2] / heads;
  const { gate, weight } = inputs;
  if (gate !== undefined) checkPacked(backend, "gate", gate, x.shape, x);
  if (weight !== undefined) checkPacked(backend, "weight", weight, [1, 1, width], x);
  if (activation !== "silu" && activation !== "sigmoid")
    throw new ValueError("activation", '"silu" or "sigmoid"', describe(activation));
  const eps = checkEpsilon("eps", given, x.dtype);
  checkPiece(backend, "gatedNorm", x);
  return { x, gate, weight, packed: { tensor: x, heads, width }, eps, activation };
}
