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
 * λ = 0 becomes an error: at once where the host can see λ, else at the next `read` or `sync`.
 * @throws SingularError, UnsupportedError
 */
export function checkSingular<T extends Tensor>(backend: Backend<T>, diag: T): void {
  const n = diag.shape[1];
  const { flushesSubnormals } = backend.supports;
  if ("data" in diag) {
    throwOnZero((diag as unknown as HostTensor).data, n, flushesSubnormals);
  } else if (backend.defer) {
    backend.defer(backend.read(diag).then((data) => throwOnZero(data, n, flushesSubnormals)));
  } else {
    throw new UnsupportedError("check", "a backend with host tensors or `defer`", backend.name);
  }
}
