import type { Backend } from "../contract/backend.js";
import { SingularError, UnsupportedError } from "../contract/errors.js";
import type { FloatArray, HostTensor, Tensor } from "../contract/tensor.js";

function throwOnZero(diag: FloatArray, n: number): void {
  const at = diag.indexOf(0); // finds −0 too
  if (at >= 0) throw new SingularError(Math.floor(at / n), at % n);
}

/**
 * λ = 0 becomes an error: at once where the host can see λ, else at the next `read` or `sync`.
 * @throws SingularError, UnsupportedError
 */
export function checkSingular<T extends Tensor>(backend: Backend<T>, diag: T): void {
  const n = diag.shape[1];
  if ("data" in diag) {
    throwOnZero((diag as unknown as HostTensor).data, n);
  } else if (backend.defer) {
    backend.defer(backend.read(diag).then((data) => throwOnZero(data, n)));
  } else {
    throw new UnsupportedError("check", "a backend with host tensors or `defer`", backend.name);
  }
}
