import { apply } from "./apply.js";
import { checkAllocation } from "./allocation.js";
import { MAX_ELEMENTS, type Backend } from "./backend.js";
import { checkBackend, checkIsBackend, checkOperator } from "./check.js";
import { LimitError } from "./errors.js";
import type { DiagLowRankTril } from "./operator.js";
import { newFloatArray, type Dtype, type HostView, type Tensor } from "./tensor.js";

/** s·I, [batch, n, n], as a Toeplitz view over 2n − 1 elements. `batch`·n·n elements must be allowed. */
export function identityView(batch: number, n: number, dtype: Dtype, s = 1): HostView {
  const length = batch > 0 && n > 0 ? 2 * n - 1 : 0; // of no batch entries, n may be anything
  const data = newFloatArray(dtype, length);
  if (length > 0) data[n - 1] = s;
  return { data, shape: [batch, n, n], strides: [0, -1, 1], offset: length > 0 ? n - 1 : 0 };
}

/**
 * T itself, dense, in O(n² r): for study and tests.
 * @returns [batch, n, n], a new tensor for the caller to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function materialize<T extends Tensor>(backend: Backend<T>, op: DiagLowRankTril<T>): T {
  checkBackend(backend, "apply");
  const { batch, n, dtype } = checkOperator(backend, op);
  checkAllocation("out", [batch, n, n], dtype, backend.supports); // before an identity as large is made
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
 * @throws (rejects with) ShapeError, DtypeError, ValueError, DisposedError, LimitError
 */
export async function logAbsDet<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
): Promise<Float64Array> {
  checkIsBackend(backend);
  const { batch, n } = checkOperator(backend, op);
  const sums = zeros(batch);
  if (n === 0) return sums;
  if (op.diag === undefined) return sums.fill(-Infinity);
  const diag = await backend.read(op.diag);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < n; i++) sums[b]! += Math.log(Math.abs(diag[b * n + i]!));
  }
  return sums;
}

/** @throws LimitError where the engine has no room for that many, or nobody could use them */
function zeros(length: number): Float64Array {
  const [bytes, most] = [length * 8, MAX_ELEMENTS * 8];
  if (bytes > most) throw new LimitError("batch", bytes, most);
  try {
    return new Float64Array(length);
  } catch {
    throw new LimitError("batch", bytes, Number.NaN);
  }
}
