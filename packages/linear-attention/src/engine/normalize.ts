import { elementCount, type Tensor } from "@dlrt/core";
import { runPiece } from "@dlrt/core/backend";
import { wholeOf, type Packed } from "./packed.js";
import type { Scope } from "./scope.js";

/** Computes y = x / √(Σx² + eps), the sum being over the columns of each head of each token. */
export function normalize<T extends Tensor>(scope: Scope<T>, x: Packed<T>, eps: number): Packed<T> {
  return normalizeRows(scope, x, eps, undefined);
}

/** Computes the gradient of `normalize`, x̄ = (ȳ − y (y·ȳ)) / √(Σx² + eps), which is finite where x = 0. @param cotangent is ȳ */
export function normalizeVjp<T extends Tensor>(
  scope: Scope<T>,
  x: Packed<T>,
  eps: number,
  cotangent: Packed<T>,
): Packed<T> {
  return normalizeRows(scope, x, eps, cotangent);
}

function normalizeRows<T extends Tensor>(
  scope: Scope<T>,
  x: Packed<T>,
  eps: number,
  cotangent: Packed<T> | undefined,
): Packed<T> {
  const { backend } = scope;
  const [batch, tokens] = x.tensor.shape;
  const out = scope.packed(batch, tokens, x.heads, x.width);
  if (elementCount(out.tensor.shape) === 0) return out;
  runPiece(backend, "normalizeRows", {
    batch: batch * x.heads,
    n: tokens,
    p: x.width,
    eps,
    x: wholeOf(backend, x),
    cotangent: cotangent && wholeOf(backend, cotangent),
    out: wholeOf(backend, out),
  });
  return out;
}
