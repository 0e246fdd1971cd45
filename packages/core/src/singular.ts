import type { Backend } from "./backend.js";
import { SingularError, UnsupportedError } from "./errors.js";
import type { FloatArray, HostTensor, Tensor } from "./tensor.js";

function throwOnZero(diag: FloatArray, n: number): void {
  const at = diag.indexOf(0); // finds −0 too
  if (at >= 0) throw new SingularError(Math.floor(at / n), at % n);
}

/**
 * λ = 0 becomes an error: at once where the host can see λ, else whoever reads the results is told. To be called
 * before the operation, so that λ is looked at as the operation finds it.
 * @returns to be called with the results, once the operation is enqueued
 * @throws SingularError, UnsupportedError
 */
export function checkSingular<T extends Tensor>(
  backend: Backend<T>,
  diag: T,
): (...results: readonly (T | undefined)[]) => void {
  const n = diag.shape[1];
  if ("data" in diag) {
    throwOnZero((diag as unknown as HostTensor).data, n);
    return () => undefined;
  }
  if (!backend.defer) {
    throw new UnsupportedError("check", "a backend with host tensors or `defer`", backend.name);
  }
  const pending = backend.read(diag).then((data) => throwOnZero(data, n));
  pending.catch(() => undefined); // nobody is told where the operation throws, and then has no results
  return (...results) =>
    backend.defer?.(
      pending,
      results.filter((t) => t !== undefined),
    );
}
