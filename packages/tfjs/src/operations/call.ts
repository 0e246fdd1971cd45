import { ValueError, type Backend, type Tensor } from "@dlrt/core";
import { checkFlag, checkOptions, describe } from "@dlrt/core/backend";
import type { LayerResult } from "@dlrt/linear-attention";
import type * as tf from "@tensorflow/tfjs";
import { checkInput, checkInputs } from "../bridge/check.js";
import { differentiable } from "../bridge/differentiable.js";

/** The inputs of a function of @dlrt/linear-attention, as tensors of TensorFlow.js. */
export type TfInputs<Inputs> = {
  readonly [name in keyof Inputs]: Exclude<Inputs[name], Tensor> | tf.Tensor;
};

/** The options of such a function, in which the initial state is a tensor of TensorFlow.js and the final state is a new one. */
export type TfOptions<Options> = Omit<Options, "initialState" | "finalState"> & {
  readonly initialState?: tf.Tensor | undefined;
  /** Whether the result has the state after the last token too. Default false. */
  readonly finalState?: boolean | undefined;
};

export interface TfResult {
  readonly output: tf.Tensor3D;
  /** The state after the last token, where it was asked for. */
  readonly finalState?: tf.Tensor3D;
}

export type Tensors<T> = Readonly<Record<string, T>>;

/** A function of @dlrt/linear-attention and its gradient, which check their own arguments. */
interface Call<Inputs, Result> {
  /** The names of the inputs. */
  readonly names: readonly (keyof Inputs & string)[];
  forward(backend: Backend, inputs: Inputs, options: object): Result;
  backward(backend: Backend, inputs: Inputs, cotangents: object, options: object): object;
}

/** A function with a state: its result has an output and, where asked, a final state. */
export type Stateful<Inputs> = Call<Inputs, Omit<LayerResult, "kept">>;

/** A function with a single tensor as its result. */
export type Piece<Inputs> = Call<Inputs, Tensor>;

/** The same function for the tensors of one backend: such functions differ in the names of their inputs only. */
interface Named<T extends Tensor, Result> {
  forward(backend: Backend<T>, inputs: Tensors<T>, options: object): Result;
  backward(backend: Backend<T>, inputs: Tensors<T>, cotangents: Tensors<T>, options: object): Tensors<T>;
}

/** Calls a function with a state on tensors of TensorFlow.js, which may then differentiate it. */
export function callStateful<T extends Tensor, Inputs>(
  call: Stateful<Inputs>,
  backend: Backend<T>,
  inputs: TfInputs<Inputs>,
  options: object = {},
): TfResult {
  const { forward, backward } = call as unknown as Named<T, Tensors<T>>;
  checkOptions("inputs", inputs, call.names);
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

/** Calls a function with a single result on tensors of TensorFlow.js, which may then differentiate it. */
export function callPiece<T extends Tensor, Inputs>(
  call: Piece<Inputs>,
  backend: Backend<T>,
  inputs: TfInputs<Inputs>,
  options: object,
): tf.Tensor3D {
  const { forward, backward } = call as unknown as Named<T, T>;
  checkOptions("inputs", inputs, call.names);
  const { output } = differentiable<T>({
    backend,
    inputs: checkInputs("inputs", inputs),
    forward: (taken) => ({ output: forward(backend, taken, options) }),
    backward: (taken, cotangents) => backward(backend, taken, cotangents, options),
  });
  return output as tf.Tensor3D;
}
