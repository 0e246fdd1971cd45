/** Makes backends with planted faults: the right backend, with one thing changed. */
import type { Dtype, HostTensor, Supports } from "@dlrt/core";
import {
  contiguousLayout,
  isContiguous,
  readView,
  type ApplyParams,
  type Kernels,
  type SolveParams,
} from "@dlrt/core/backend";
import { PlainBackend, plainKernels } from "../../examples/plain-backend.js";

export interface Fault {
  readonly name: string;
  /** The name of the case that finds the fault. */
  readonly caughtBy: string;
  readonly create: () => PlainBackend;
  /** What larger problems may cost, for a fault that only larger problems show. */
  readonly budget?: { readonly maxN?: number; readonly maxWork?: number };
}

/** The parameters of a kernel, with the operands of T beside the others; `state` is the initial state. */
export type Params = SolveParams<HostTensor> &
  ApplyParams<HostTensor> &
  SolveParams<HostTensor>["op"] & { readonly state?: HostTensor | undefined };
export type Verb = "solve" | "apply";

export class FaultyBackend extends PlainBackend {
  override kernels: Kernels<HostTensor> = plainKernels;
  override supports: Supports = { ...new PlainBackend().supports, dtypes: ["f32"] };
}

/** Makes a backend with some kernels changed. It has f32 alone unless another dtype is named. */
export function withKernels(change: Partial<Kernels<HostTensor>>, dtype: Dtype = "f32") {
  return (): PlainBackend => {
    const backend = new FaultyBackend();
    backend.supports = { ...backend.supports, dtypes: [dtype] };
    backend.kernels = { ...plainKernels, ...change };
    return backend;
  };
}

/** Makes a backend of a class that overrides some method. */
export function of(Class: new () => FaultyBackend) {
  return (): PlainBackend => new Class();
}

/** Returns what kernels read of a tensor: a contiguous one of the same shape, with other elements. */
export function like(t: HostTensor, change: (value: number, at: number) => number): HostTensor {
  const data = readView(t);
  for (let at = 0; at < data.length; at++) data[at] = change(data[at]!, at);
  return { dtype: t.dtype, shape: t.shape, layout: contiguousLayout(t.shape), data } as unknown as HostTensor;
}

type Wrong = Partial<Record<keyof Params, unknown>> | undefined;

/** Returns a kernel that runs the right one on wrong arguments. */
export function misled(verb: Verb, wrong: (p: Params) => Wrong): (p: Params) => void {
  const kernel = plainKernels[verb] as (p: Params) => void;
  return (given) => {
    const { initialState: state, op } = given;
    const all = { ...given, ...op, state };
    const { diag, q, k, decay, state: initialState, ...others } = { ...all, ...wrong(all) } as Params;
    kernel({ ...others, initialState, op: { diag, q, k, decay } } as Params);
  };
}

/** Makes a backend whose kernel runs the right one on wrong arguments. */
export const wrongly = (verb: Verb, wrong: (p: Params) => Wrong, dtype?: Dtype) =>
  withKernels({ [verb]: misled(verb, wrong) }, dtype);

/** Makes a backend whose kernel runs the right one and then spoils what that wrote. */
export const after = (verb: Verb, spoil: (p: Params) => void) => {
  const kernel = plainKernels[verb] as (p: Params) => void;
  return withKernels({
    [verb]: (p: Params) => {
      kernel(p);
      spoil(p);
    },
  });
};

export const rowOf = (t: HostTensor, at: number): number => Math.floor(at / t.shape[2]) % t.shape[1];
export const entryOf = (t: HostTensor, at: number): number => Math.floor(at / (t.shape[1] * t.shape[2]));

/** Returns whether a tensor fills all of its memory, as those that `empty` and `upload` make do. */
export const alone = (t: HostTensor): boolean =>
  isContiguous(t) && t.data.length === t.shape[0] * t.shape[1] * t.shape[2];
