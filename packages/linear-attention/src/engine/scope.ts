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

/**
 * The tensors that a call allocates on its way, all of one dtype, and the small steps that the engine makes with them. What is not
 * released is disposed when the call ends, whether or not it succeeds.
 */
export class Scope<T extends Tensor> extends TensorScope<T> {
  constructor(
    backend: Backend<T>,
    readonly dtype: Dtype,
  ) {
    super(backend);
  }

  /** Makes a tensor whose elements are not set. */
  empty(shape: Shape): T {
    return this.own(this.backend.empty(shape, this.dtype));
  }

  /** Makes a packed array whose elements are not set. */
  packed(batch: number, tokens: number, heads: number, width: number): Packed<T> {
    return { tensor: this.empty([batch, tokens, heads * width]), heads, width };
  }

  /** Makes a tensor whose elements are all `value`. */
  full(value: number, shape: Shape): T {
    const data = newFloatArray(this.dtype, 1).fill(value);
    return this.own(
      elementCount(shape) === 0
        ? this.backend.empty(shape, this.dtype)
        : this.backend.upload({ data, shape, strides: [0, 0, 0] }),
    );
  }

  /** Makes the same with memory for one row alone, which all rows of [batch, rows, cols] share. It may only be read. */
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

  /**
   * Runs a kernel that no operation of core is a call of, unless `out` has no elements.
   * @throws UnsupportedError where the backend lacks the kernel
   */
  runKernel(kernel: KernelName, out: T, work: () => void): void {
    const { supports, name } = this.backend;
    if (supports.missing?.includes(kernel))
      throw new UnsupportedError("backend", `one with the kernel ${kernel}`, `${name} without it`);
    if (elementCount(out.shape) > 0) work();
  }

  /** Computes out ← α x, or α xᵀ with `trans`. Returns `out`. */
  copy(x: T, out: T, { alpha = 1, trans = false }: { alpha?: number; trans?: boolean } = {}): T {
    const [batch, rows, cols] = out.shape;
    this.runKernel("copy", out, () => this.backend.kernels.copy({ batch, rows, cols, alpha, trans, x, out }));
    return out;
  }

  /** Computes out_i ← α x_i · y_i for every row i. Returns `out`. */
  rowDot(x: T, y: T, out: T, alpha = 1): T {
    const [batch, n, p] = x.shape;
    this.runKernel("rowDot", out, () => this.backend.kernels.rowDot({ batch, n, p, alpha, x, y, out }));
    return out;
  }
}

/** Runs `body` with a scope that ends with it. What `body` has released it must dispose itself if it throws after that. */
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
