import type { Backend, Tensor } from "@dlrt/core";
import * as layers from "@dlrt/linear-attention";
import { callStateful, type Stateful, type TfInputs, type TfOptions, type TfResult } from "./call.js";

const qkv = ["query", "key", "value"] as const;

const deltaRuleCall: Stateful<layers.DeltaRuleInputs> = {
  names: [...qkv, "beta"],
  forward: layers.deltaRule,
  backward: layers.deltaRuleVjp,
};

/**
 * S ← S + k [β (v − Sᵀk)]ᵀ;  o = scale · Sᵀ q: the delta rule of DeltaNet, with its gradients. Shapes and options are those of
 * `deltaRule` in @dlrt/linear-attention.
 * @param backend a backend in the host's memory, or one on the GPUDevice that TensorFlow.js runs on
 * @returns `output` [B, T, heads·V], and `finalState` [N·heads, K, V] where asked
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function deltaRule<T extends Tensor>(
  backend: Backend<T>,
  inputs: TfInputs<layers.DeltaRuleInputs>,
  options: TfOptions<layers.LayerOptions>,
): TfResult {
  return callStateful(deltaRuleCall, backend, inputs, options);
}

const gatedDeltaRuleCall: Stateful<layers.GatedDeltaRuleInputs> = {
  names: [...qkv, "beta", "decay"],
  forward: layers.gatedDeltaRule,
  backward: layers.gatedDeltaRuleVjp,
};

/**
 * S ← e^g S;  S ← S + k [β (v − Sᵀk)]ᵀ;  o = scale · Sᵀ q: Gated DeltaNet, with its gradients. Shapes and options are those of
 * `gatedDeltaRule` in @dlrt/linear-attention.
 * @throws as `deltaRule`
 */
export function gatedDeltaRule<T extends Tensor>(
  backend: Backend<T>,
  inputs: TfInputs<layers.GatedDeltaRuleInputs>,
  options: TfOptions<layers.LayerOptions>,
): TfResult {
  return callStateful(gatedDeltaRuleCall, backend, inputs, options);
}

const kimiDeltaAttentionCall: Stateful<layers.KimiDeltaAttentionInputs> = {
  names: [...qkv, "beta", "decay"],
  forward: layers.kimiDeltaAttention,
  backward: layers.kimiDeltaAttentionVjp,
};

/**
 * Gated DeltaNet with a gate for every key channel, Kimi Delta Attention, with its gradients. Shapes and options are those of
 * `kimiDeltaAttention` in @dlrt/linear-attention.
 * @throws as `deltaRule`
 */
export function kimiDeltaAttention<T extends Tensor>(
  backend: Backend<T>,
  inputs: TfInputs<layers.KimiDeltaAttentionInputs>,
  options: TfOptions<layers.LayerOptions>,
): TfResult {
  return callStateful(kimiDeltaAttentionCall, backend, inputs, options);
}

const glaCall: Stateful<layers.GlaInputs> = {
  names: [...qkv, "decay"],
  forward: layers.gla,
  backward: layers.glaVjp,
};

/**
 * S ← diag(e^g) S + k vᵀ;  o = scale · Sᵀ q: gated linear attention, with its gradients. Shapes and options are those of `gla` in
 * @dlrt/linear-attention.
 * @throws as `deltaRule`
 */
export function gla<T extends Tensor>(
  backend: Backend<T>,
  inputs: TfInputs<layers.GlaInputs>,
  options: TfOptions<layers.LayerOptions>,
): TfResult {
  return callStateful(glaCall, backend, inputs, options);
}

const linearAttentionCall: Stateful<layers.LinearAttentionInputs> = {
  names: qkv,
  forward: layers.linearAttention,
  backward: layers.linearAttentionVjp,
};

/**
 * S ← S + k vᵀ;  o = scale · Sᵀ q: linear attention without a gate, with its gradients.
 * @throws as `deltaRule`
 */
export function linearAttention<T extends Tensor>(
  backend: Backend<T>,
  inputs: TfInputs<layers.LinearAttentionInputs>,
  options: TfOptions<layers.LayerOptions>,
): TfResult {
  return callStateful(linearAttentionCall, backend, inputs, options);
}
