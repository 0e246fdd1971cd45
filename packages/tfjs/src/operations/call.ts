import { ValueError, type Backend, type Tensor } from "@dlrt/core";
import { checkFlag, checkOptions, describe } from "@dlrt/core/backend";
import type * as tf from "@tensorflow/tfjs";
import { checkInput, checkInputs } from "../bridge/check.js";
import { differentiable } from "../bridge/differentiable.js";

/** Inputs of a function of @dlrt/linear-attention, as tensors of TensorFlow.js. */
export type TfInputs<Inputs> = {
  readonly [name in keyof Inputs]: Exclude<Inputs[name], Tensor> | tf.Tensor;
};

/** Options of such a function: the initial state is a tensor of TensorFlow.js, and a final state a new one. */
export type TfOptions<Options> = Omit<Options, "initialState" | "finalState"> & {
  readonly initialState?: tf.Tensor | undefined;
  /** Give the state after the last token too. Default false. */
  readonly finalState?: boolean | undefined;
};

export interface TfResult {
  readonly output: tf.Tensor3D;
  /** There when it was asked for. */
  readonly finalState?: tf.Tensor3D;
}

export type Tensors<T> = Readonly<Record<string, T>>;

/** A function of @dlrt/linear-attention with a state, and its gradient; they check what they are given. */
export interface Stateful {
  /** Of the inputs. */
  readonly names: readonly string[];
  forward<T extends Tensor>(backend: Backend<T>, inputs: Tensors<T>, options: object): Tensors<T>;
  backward<T extends Tensor>(
    backend: Backend<T>,
    inputs: Tensors<T>,
    cotangents: Tensors<T>,
    options: object,
  ): Tensors<T>;
}

/** Calls it with tensors of TensorFlow.js. */
export function callStateful<T extends Tensor>(
  { names, forward, backward }: Stateful,
  backend: Backend<T>,
  inputs: object,
  options: object = {},
): TfResult {
  checkOptions("inputs", inputs, names);
  const given = checkInputs("inputs", inputs);
  if (typeof options !== "object" || options === null)
    throw new ValueError("options", "an object with options", describe(options));
  const { initialState, finalState, ...rest } = options as TfOptions<object>;
  checkFlag("finalState", finalState);
  if (initialState !== undefined) given["initialState"] = checkInput("initialState", initialState);
  const apart = (taken: Tensors<T>): [Tensors<T>, object] => {
    const { initialState: state, ...others } = taken;
    return [others, state ? { ...rest, initialState: state } : rest];
  };
  const results = differentiable<T>({
    backend,
    inputs: given,
    forward: (taken) => {
      const [own, how] = apart(taken);
      return forward(backend, own, finalState ? { ...how, finalState } : how);
    },
    backward: (taken, cotangents) => {
      const [own, how] = apart(taken);
      return backward(backend, own, cotangents, how);
    },
  });
  return results as unknown as TfResult;
}

/** A function of @dlrt/linear-attention with one result, and its gradient. */
export interface Piece {
  readonly names: readonly string[];
  forward<T extends Tensor>(backend: Backend<T>, inputs: Tensors<T>, options: object): T;
  backward<T extends Tensor>(
    backend: Backend<T>,
    inputs: Tensors<T>,
    cotangents: { readonly output?: T | undefined },
    options: object,
  ): Tensors<T>;
}

/** Calls it with tensors of TensorFlow.js. */
export function callPiece<T extends Tensor>(
  { names, forward, backward }: Piece,
  backend: Backend<T>,
  inputs: object,
  options: object,
): tf.Tensor3D {
  checkOptions("inputs", inputs, names);
  const { output } = differentiable<T>({
    backend,
    inputs: checkInputs("inputs", inputs),
    forward: (taken) => ({ output: forward(backend, taken, options) }),
    backward: (taken, cotangents) => backward(backend, taken, cotangents, options),
  });
  return output as tf.Tensor3D;
}
