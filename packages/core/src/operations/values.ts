import type { Backend } from "../contract/backend.js";
import { SingularError, UnsupportedError, ValueError } from "../contract/errors.js";
import { contiguousLayout, entryStart } from "../contract/layout.js";
import type { DiagLowRankTril } from "../contract/operator.js";
import type { Dtype, HostTensor, Tensor } from "../contract/tensor.js";

/** Looks at one number of a tensor. @throws where it is refused */
type Look = (value: number, batch: number, row: number) => void;

/** Looks for λ = ±0, and for subnormal λ where the backend may take it for 0. */
function lambdaOf(dtype: Dtype, flushesSubnormals: boolean | undefined): Look {
  const least = !flushesSubnormals ? Number.MIN_VALUE : dtype === "f32" ? 2 ** -126 : 2 ** -1022;
  return (value, batch, row) => {
    if (Math.abs(value) < least) throw new SingularError(batch, row, value + 0); // −0 is said as 0
  };
}

const gap: Look = (value, batch, row) => {
  if (!(value <= 0))
    throw new ValueError("decay", "g ≤ 0 everywhere", `${value} at batch ${batch}, row ${row}`);
};

/** Looks at every element of `data` where it lies. */
function lookIn({ data, shape, layout }: Pick<HostTensor, "data" | "shape" | "layout">, look: Look): void {
  const [batch, rows, cols] = shape;
  for (let entry = 0; entry < batch; entry++) {
    for (let i = 0; i < rows; i++) {
      const start = entryStart(layout, entry) + i * layout.row;
      for (let j = 0; j < cols; j++) look(data[start + j]!, entry, i);
    }
  }
}

/**
 * λ = 0, where the operation divides by λ, and g > 0 or NaN become errors: at once where the host can see the numbers,
 * else whoever reads the results is told. To be called before the operation, so that the numbers are looked at as the
 * operation finds them.
 * @returns to be called with the results, once the operation is enqueued
 * @throws SingularError, ValueError, UnsupportedError
 */
export function checkValues<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  divides: boolean,
): (...results: readonly (T | undefined)[]) => void {
  const looks: [T | undefined, Look][] = [
    [divides ? op.diag : undefined, lambdaOf(op.q.dtype, backend.supports.flushesSubnormals)],
    [op.decay, gap],
  ];
  const pending: Promise<void>[] = [];
  for (const [t, look] of looks) {
    if (t === undefined) continue;
    if ("data" in t) lookIn(t as unknown as HostTensor, look);
    else if (backend.defer)
      pending.push(
        backend
          .read(t)
          .then((data) => lookIn({ data, shape: t.shape, layout: contiguousLayout(t.shape) }, look)),
      );
    else throw new UnsupportedError("check", "a backend with host tensors or `defer`", backend.name);
  }
  if (pending.length === 0) return () => undefined;
  const all = Promise.all(pending).then(() => undefined);
  all.catch(() => undefined); // nobody is told where the operation throws, and then has no results
  return (...results) =>
    backend.defer?.(
      all,
      results.filter((t) => t !== undefined),
    );
}
