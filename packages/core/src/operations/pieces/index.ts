/** A layer's small pieces: the backend's kernel where there is one, else what is computed here on elements that the host reaches. */
import type { Backend, Kernels } from "../../contract/backend.js";
import { UnsupportedError } from "../../contract/errors.js";
import type { HostTensor, Tensor } from "../../contract/tensor.js";
import { causalConv } from "./causal-conv.js";
import { causalConvVjp } from "./causal-conv-vjp.js";
import { gate } from "./gate.js";
import { gatedNorm } from "./gated-norm.js";
import { normalizeRows } from "./normalize-rows.js";

export type PieceName = "normalizeRows" | "gate" | "causalConv" | "causalConvVjp" | "gatedNorm";

export type PieceParams<N extends PieceName, T extends Tensor = Tensor> = Parameters<
  NonNullable<Kernels<T>[N]>
>[0];

const onHost: { readonly [N in PieceName]: (p: PieceParams<N, HostTensor>) => void } = {
  normalizeRows,
  gate,
  causalConv,
  causalConvVjp,
  gatedNorm,
};

function hasKernel({ kernels, supports }: Backend, name: PieceName): boolean {
  return kernels[name] !== undefined && !supports.missing?.includes(name);
}

/**
 * Whether a piece can be computed, to be asked before anything is allocated.
 * @param t any tensor of the call
 * @throws UnsupportedError: the backend has no such kernel, and the host cannot reach its elements
 */
export function checkPiece(backend: Backend, name: PieceName, t: Tensor): void {
  if (hasKernel(backend, name) || "data" in t) return;
  const expected = `one with the kernel ${name}, or with tensors that the host can read`;
  throw new UnsupportedError("backend", expected, `${backend.name} without it`);
}

/**
 * The parameters with each tensor as its elements and its layout alone: a tensor's `data` is a question to its backend, too dear for every
 * element.
 */
function reach<P extends object>(params: P): P {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(params) as [
    string,
    HostTensor | object | number | undefined,
  ][]) {
    if (typeof value !== "object") plain[name] = value;
    else plain[name] = "data" in value ? { data: value.data, layout: value.layout } : reach(value);
  }
  return plain as P;
}

/** Computes a piece that `checkPiece` lets pass. The parameters are those of the kernel, checked and with something to write. */
export function runPiece<N extends PieceName, T extends Tensor>(
  backend: Backend<T>,
  name: N,
  params: PieceParams<N, T>,
): void {
  if (hasKernel(backend, name)) (backend.kernels[name] as (p: PieceParams<N, T>) => void)(params);
  else onHost[name](reach(params) as unknown as PieceParams<N, HostTensor>);
}
