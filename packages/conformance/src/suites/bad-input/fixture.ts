/** Right arguments, of which each wrong call spoils one, and what a wrong call is. */
import {
  newFloatArray,
  type Backend,
  type DlrtError,
  type Dtype,
  type FloatArray,
  type Shape,
  type Tensor,
} from "@dlrt/core";
import type { Scope } from "../../trial.js";

/** The constructor of one of core's errors. */
export type ErrorClass = abstract new (...args: never[]) => DlrtError;
export type Wrong = readonly [what: string, expected: ErrorClass, call: () => unknown];

export const sizes = { batch: 2, n: 5, r: 3, p: 2 } as const;
const { batch, n, r, p } = sizes;

/** Passes a value for a type that does not allow it, as a caller in JavaScript may. */
export function wrongly<T>(value: unknown): T {
  return value as T;
}

/** Right arguments, of which each wrong call spoils one. All elements are 1, so that a refused call that wrote something shows. */
export class Fixture {
  readonly backend: Backend;
  readonly dtype: Dtype;
  readonly op: { diag: Tensor; q: Tensor; k: Tensor };
  readonly rhs: Tensor;
  readonly out: Tensor;
  readonly state: Tensor;
  readonly square: Tensor;
  readonly dense: Tensor;
  /** Q and K of rank n, [batch, n, n] */
  readonly factor: Tensor;
  readonly gone: Tensor;

  constructor(
    readonly scope: Scope,
    dtype: Dtype,
  ) {
    this.backend = scope.backend;
    this.dtype = dtype;
    this.op = { diag: this.ones([batch, n, 1]), q: this.ones([batch, n, r]), k: this.ones([batch, n, r]) };
    this.rhs = this.ones([batch, n, p]);
    this.out = this.ones([batch, n, p]);
    this.state = this.ones([batch, r, p]);
    this.square = this.ones([batch, n, n]);
    this.dense = this.ones([batch, n, n]);
    this.factor = this.ones([batch, n, n]);
    this.gone = this.ones([batch, n, p]);
    this.gone.dispose();
  }

  array(length: number): FloatArray {
    return newFloatArray(this.dtype, length).fill(1);
  }

  ones(shape: Shape): Tensor {
    return this.scope.put(this.array(shape[0] * shape[1] * shape[2]), shape);
  }
}
