import type { Backend, Tensor } from "@dlrt/core";
import * as pieces from "@dlrt/linear-attention";
import type * as tf from "@tensorflow/tfjs";
import {
  callPiece,
  callStateful,
  type Piece,
  type Stateful,
  type TfInputs,
  type TfOptions,
  type TfResult,
} from "./call.js";

const causalConvCall: Stateful<pieces.CausalConvInputs> = {
  names: ["x", "weight", "bias"],
  forward: pieces.causalConv,
  backward: pieces.causalConvVjp,
};

/**
 * A causal convolution of each channel over tokens, with its gradients and a state of k − 1 tokens: `causalConv` of
 * @dlrt/linear-attention. The bias may be [C] or [1, 1, C].
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function causalConv<T extends Tensor>(
  backend: Backend<T>,
  inputs: TfInputs<pieces.CausalConvInputs>,
  options: TfOptions<pieces.CausalConvOptions> = {},
): TfResult {
  return callStateful(causalConvCall, backend, inputs, options);
}

const l2NormCall: Piece<pieces.L2NormInputs> = {
  names: ["x"],
  forward: pieces.l2Norm,
  backward: pieces.l2NormVjp,
};

/**
 * x / √(Σx² + eps) over the columns of each head, with its gradient, which is finite where x = 0: `l2Norm` of @dlrt/linear-attention.
 * @throws as `causalConv`
 */
export function l2Norm<T extends Tensor>(
  backend: Backend<T>,
  inputs: TfInputs<pieces.L2NormInputs>,
  options: pieces.L2NormOptions = {},
): tf.Tensor3D {
  return callPiece(l2NormCall, backend, inputs, options);
}

const gatedRmsNormCall: Piece<pieces.GatedRmsNormInputs> = {
  names: ["x", "gate", "weight"],
  forward: pieces.gatedRmsNorm,
  backward: pieces.gatedRmsNormVjp,
};

/**
 * x / √(mean(x²) + eps) ∘ weight ∘ f(gate) of each head, with its gradients: `gatedRmsNorm` of @dlrt/linear-attention. The weight may be
 * [D] or [1, 1, D].
 * @throws as `causalConv`
 */
export function gatedRmsNorm<T extends Tensor>(
  backend: Backend<T>,
  inputs: TfInputs<pieces.GatedRmsNormInputs>,
  options: pieces.GatedRmsNormOptions = {},
): tf.Tensor3D {
  return callPiece(gatedRmsNormCall, backend, inputs, options);
}

const gdnGateCall: Piece<pieces.GdnGateInputs> = {
  names: ["a", "aLog", "dtBias"],
  forward: pieces.gdnGate,
  backward: pieces.gdnGateVjp,
};

/**
 * g = −exp(A_log) · softplus(a + dt_bias), the decay of a Gated DeltaNet, with its gradients: `gdnGate` of @dlrt/linear-attention.
 * A_log and dt_bias may be [H] or [1, 1, H].
 * @throws as `causalConv`
 */
export function gdnGate<T extends Tensor>(
  backend: Backend<T>,
  inputs: TfInputs<pieces.GdnGateInputs>,
): tf.Tensor3D {
  return callPiece(gdnGateCall, backend, inputs, {});
}

const kdaGateCall: Piece<pieces.KdaGateInputs> = {
  names: ["x", "aLog", "dtBias"],
  forward: pieces.kdaGate,
  backward: pieces.kdaGateVjp,
};

/**
 * The decay of Kimi Delta Attention, one a key channel, with its gradients: `kdaGate` of @dlrt/linear-attention.
 * @throws as `causalConv`
 */
export function kdaGate<T extends Tensor>(
  backend: Backend<T>,
  inputs: TfInputs<pieces.KdaGateInputs>,
  options: pieces.KdaGateOptions = {},
): tf.Tensor3D {
  return callPiece(kdaGateCall, backend, inputs, options);
}

const betaGateCall: Piece<pieces.BetaGateInputs> = {
  names: ["b"],
  forward: pieces.betaGate,
  backward: pieces.betaGateVjp,
};

/**
 * β = scale · σ(b), with its gradient: `betaGate` of @dlrt/linear-attention.
 * @throws as `causalConv`
 */
export function betaGate<T extends Tensor>(
  backend: Backend<T>,
  inputs: TfInputs<pieces.BetaGateInputs>,
  options: pieces.BetaGateOptions = {},
): tf.Tensor3D {
  return callPiece(betaGateCall, backend, inputs, options);
}
