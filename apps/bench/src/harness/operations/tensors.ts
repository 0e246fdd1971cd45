import {
  elementCount,
  newFloatArray,
  type Backend,
  type DiagLowRankTril,
  type Dtype,
  type FloatArray,
  type Shape,
  type Tensor,
} from "@dlrt/core";
import { Scope } from "@dlrt/core/backend";
import { decayColumns, type Problem } from "../workload/problem.js";
import type { Run } from "./operation.js";

/** The tensors of one run, disposed together. */
export class Tensors<T extends Tensor> extends Scope<T> {
  upload(data: FloatArray, shape: Shape): T {
    return this.own(this.backend.upload({ data, shape }));
  }

  poisoned(shape: Shape, dtype: Dtype): T {
    return this.upload(newFloatArray(dtype, elementCount(shape)).fill(Number.NaN), shape);
  }

  operator(problem: Problem): DiagLowRankTril<T> & { readonly diag: T } {
    const { batch, n, r, diag, q, k, decay } = problem;
    return {
      diag: this.upload(diag, [batch, n, 1]),
      q: this.upload(q, [batch, n, r]),
      k: this.upload(k, [batch, n, r]),
      ...(decay && { decay: this.upload(decay, [batch, n, decayColumns(problem)]) }),
    };
  }
}

/** What an operation sets up: the call, and where its results are afterwards. */
export interface SetUp<T extends Tensor> {
  enqueue(): void;
  outputs(): readonly T[];
  close?(): void;
}

/** Leaves nothing allocated when `setUp` throws. */
export function openRun<T extends Tensor>(
  backend: Backend<T>,
  setUp: (tensors: Tensors<T>) => SetUp<T>,
): Run {
  const tensors = new Tensors(backend);
  try {
    const { enqueue, outputs, close } = setUp(tensors);
    return {
      call: () => {
        enqueue();
        return backend.sync();
      },
      read: () => Promise.all(outputs().map((t) => backend.read(t))),
      close: () => {
        close?.();
        tensors.dispose();
      },
    };
  } catch (error) {
    tensors.dispose();
    throw error;
  }
}
