import { apply } from "./apply.js";
import type { Backend } from "../contract/backend.js";
import { checkBackend, checkOperator } from "./check.js";
import type { DiagLowRankTril } from "../contract/operator.js";
import { newFloatArray, type Dtype, type HostView, type Tensor } from "../contract/tensor.js";

/** s·I, [batch, n, n], as a Toeplitz view over 2n − 1 elements. */
export function identityView(batch: number, n: number, dtype: Dtype, s = 1): HostView {
  const data = newFloatArray(dtype, Math.max(2 * n - 1, 0));
  if (n > 0) data[n - 1] = s;
  return { data, shape: [batch, n, n], strides: [0, -1, 1], offset: Math.max(n - 1, 0) };
}

/**
 * T itself, dense, in O(n² r): for study and tests.
 * @returns [batch, n, n], a new tensor for the caller to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function materialize<T extends Tensor>(backend: Backend<T>, op: DiagLowRankTril<T>): T {
  checkBackend(backend, "apply");
  const { batch, n, dtype } = checkOperator(backend, op);
  const identity = backend.upload(identityView(batch, n, dtype));
  try {
    return apply(backend, op, identity);
  } finally {
    identity.dispose();
  }
}

/**
 * log |det T| = Σ log |λᵢ| for each batch entry, summed in float64. −∞ where T is singular (no `diag`: Λ = 0).
 * @returns one number per batch entry
 * @throws ShapeError, DtypeError, ValueError, DisposedError
 */
export async function logAbsDet<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
): Promise<Float64Array> {
  const { batch, n } = checkOperator(backend, op);
  const sums = new Float64Array(batch);
  if (op.diag === undefined) return n > 0 ? sums.fill(-Infinity) : sums;
  const diag = await backend.read(op.diag);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < n; i++) sums[b]! += Math.log(Math.abs(diag[b * n + i]!));
  }
  return sums;
}
