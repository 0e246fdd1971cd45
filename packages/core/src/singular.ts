import type { Backend } from "./backend.js";
import { SingularError, UnsupportedError } from "./errors.js";
import type { FloatArray, HostTensor, Tensor } from "./tensor.js";

/**
 * λ = ±0, and subnormal λ where the backend may take it for 0.
 * @throws SingularError
 */
function throwOnZero(diag: FloatArray, n: number, flushesSubnormals: boolean | undefined): void {
  const smallest = diag.BYTES_PER_ELEMENT === 4 ? 2 ** -126 : 2 ** -1022;
  const at = flushesSubnormals ? diag.findIndex((lambda) => Math.abs(lambda) < smallest) : diag.indexOf(0); // finds −0 too
  if (at >= 0) throw new SingularError(Math.floor(at / n), at % n, diag[at]! + 0); // −0 is said as 0
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
  const { flushesSubnormals } = backend.supports;
  if ("data" in diag) {
    throwOnZero((diag as unknown as HostTensor).data, n, flushesSubnormals);
    return () => undefined;
  }
  if (!backend.defer) {
    throw new UnsupportedError("check", "a backend with host tensors or `defer`", backend.name);
  }
  const pending = backend.read(diag).then((data) => throwOnZero(data, n, flushesSubnormals));
  pending.catch(() => undefined); // nobody is told where the operation throws, and then has no results
  return (...results) =>
    backend.defer?.(
      pending,
      results.filter((t) => t !== undefined),
    );
}
