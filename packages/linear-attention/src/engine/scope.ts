import {
  elementCount,
  newFloatArray,
  UnsupportedError,
  type Backend,
  type Dtype,
  type KernelName,
  type Shape,
  type Tensor,
} from "@dlrt/core";
import { Scope as TensorScope } from "@dlrt/core/backend";
import type { Packed } from "./packed.js";

/** Owns what a call allocates on its way: all but what is kept is disposed when the call ends, well or not. */
export class Scope<T extends Tensor> extends TensorScope<T> {
  constructor(
    backend: Backend<T>,
    readonly dtype: Dtype,
  ) {
    super(backend);
  }

  empty(shape: Shape): T {
    return this.own(this.backend.empty(shape, this.dtype));
  }

  packed(batch: number, tokens: number, heads: number, width: number): Packed<T> {
    return { tensor: this.empty([batch, tokens, heads * width]), heads, width };
  }

  /** All elements equal to `value`. */
  full(value: number, shape: Shape): T {
    const data = newFloatArray(this.dtype, 1).fill(value);
    return this.own(
      elementCount(shape) === 0
        ? this.backend.empty(shape, this.dtype)
        : this.backend.upload({ data, shape, strides: [0, 0, 0] }),
    );
  }

  /** The same without memory for each row: every row of [batch, rows, cols] is one row of `cols` elements. Only read. */
  repeated(value: number, [batch, rows, cols]: Shape): T {
    const row = this.full(value, [1, 1, cols]);
    return this.backend.view(row, [batch, rows, cols], {
      offset: 0,
      heads: 1,
      shared: 1,
      batch: 0,
      head: 0,
      row: 0,
    });
  }

  /** A kernel that no operation of core calls by itself. @throws UnsupportedError where the backend lacks it */
  run(kernel: KernelName, out: T, work: () => void): void {
    const { supports, name } = this.backend;
    if (supports.missing?.includes(kernel))
      throw new UnsupportedError("backend", `one with the kernel ${kernel}`, `${name} without it`);
    if (elementCount(out.shape) > 0) work();
  }

  /** out ← α x, or α xᵀ */
  copy(x: T, out: T, { alpha = 1, trans = false }: { alpha?: number; trans?: boolean } = {}): T {
    const [batch, rows, cols] = out.shape;
    this.run("copy", out, () => this.backend.kernels.copy({ batch, rows, cols, alpha, trans, x, out }));
    return out;
  }

  /** out_i ← α x_i · y_i */
  rowDot(x: T, y: T, out: T, alpha = 1): T {
    const [batch, n, p] = x.shape;
    this.run("rowDot", out, () => this.backend.kernels.rowDot({ batch, n, p, alpha, x, y, out }));
    return out;
  }
}

/** Runs `body` with a scope that ends with it; the results it kept are disposed too if it throws. */
export function withScope<T extends Tensor, R>(
  backend: Backend<T>,
  dtype: Dtype,
  body: (scope: Scope<T>) => R,
): R {
  const scope = new Scope(backend, dtype);
  try {
    return body(scope);
  } finally {
    scope.dispose();
  }
}
