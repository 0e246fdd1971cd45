import {
  elementCount,
  newFloatArray,
  type Backend,
  type DiagLowRankTril,
  type Dtype,
  type FloatArray,
  type HostView,
  type Shape,
  type Tensor,
} from "@dlrt/core";
import { Scope } from "@dlrt/core/backend";
import { decayColumns, type Problem } from "../workload/problem.js";
import type { Run } from "./operation.js";

interface OperatorViews extends Readonly<Record<"diag" | "q" | "k", HostView>> {
  readonly decay?: HostView;
}

/** Λ, Q, K and the decay, where there is one, as a backend takes them up. */
export function operatorViews(problem: Problem): OperatorViews {
  const { batch, n, r, diag, q, k, decay } = problem;
  return {
    diag: { data: diag, shape: [batch, n, 1] },
    q: { data: q, shape: [batch, n, r] },
    k: { data: k, shape: [batch, n, r] },
    ...(decay && { decay: { data: decay, shape: [batch, n, decayColumns(problem)] } }),
  };
}

/** The tensors of one run, disposed together. */
export class Tensors<T extends Tensor> extends Scope<T> {
  upload(data: FloatArray, shape: Shape): T {
    return this.view({ data, shape });
  }

  view(view: HostView): T {
    return this.own(this.backend.upload(view));
  }

  poisoned(shape: Shape, dtype: Dtype): T {
    return this.upload(newFloatArray(dtype, elementCount(shape)).fill(Number.NaN), shape);
  }

  operator(problem: Problem): DiagLowRankTril<T> & { readonly diag: T } {
    const { diag, q, k, decay } = operatorViews(problem);
    return {
      diag: this.view(diag),
      q: this.view(q),
      k: this.view(k),
      ...(decay && { decay: this.view(decay) }),
    };
  }
}

/** What an operation sets up: the call, and where its results are afterwards. */
export interface SetUp<T extends Tensor> {
  enqueue(): void;
  outputs(): readonly T[];
  close?(): void;
}

/** Makes a run of what `setUp` sets up; nothing stays allocated when that throws. */
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
