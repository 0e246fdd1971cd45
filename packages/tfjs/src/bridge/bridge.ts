import type { Shape, Tensor } from "@dlrt/core";
import type * as tf from "@tensorflow/tfjs";

/** A TensorFlow.js tensor and the three axes under which it is known here. */
export interface Given {
  readonly tensor: tf.Tensor;
  readonly shape: Shape;
}

/** Tensors of a backend with the elements of tensors of TensorFlow.js. */
export interface Taken<T extends Tensor> {
  readonly tensors: Readonly<Record<string, T>>;
  dispose(): void;
}

/** Carries elements from TensorFlow.js to a backend and back. */
export interface Bridge<T extends Tensor> {
  take(inputs: Readonly<Record<string, Given>>): Taken<T>;
  /**
   * Runs `work`, and gives its results out as tensors of TensorFlow.js.
   * @param shapeOf of a result as TensorFlow.js is to have it. Default: the three axes of the backend's tensor
   * @returns both: `made` on the backend are the caller's to dispose
   */
  compute(
    work: () => Readonly<Record<string, T>>,
    shapeOf?: (name: string) => readonly number[],
  ): { readonly results: Record<string, tf.Tensor>; readonly made: Readonly<Record<string, T>> };
}

export function disposeAll(tensors: Readonly<Record<string, { dispose(): void }>>): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}

/** Takes one input after the other; where one fails, those before it are let go. */
export function takeEach<T extends Tensor>(
  inputs: Readonly<Record<string, Given>>,
  take: (given: Given, lend: (tensor: tf.Tensor) => void) => T,
): Taken<T> {
  const tensors: Record<string, T> = {};
  const lent: tf.Tensor[] = [];
  const dispose = (): void => {
    disposeAll(tensors);
    for (const tensor of lent) tensor.dispose();
  };
  try {
    for (const [name, given] of Object.entries(inputs))
      tensors[name] = take(given, (tensor) => lent.push(tensor));
  } catch (error) {
    dispose();
    throw error;
  }
  return { tensors, dispose };
}

/** Gives results out; where that fails, they are let go. */
export function giveEach<T extends Tensor>(
  made: Readonly<Record<string, T>>,
  give: (tensor: T, name: string) => tf.Tensor,
): ReturnType<Bridge<T>["compute"]> {
  try {
    const results = Object.entries(made).map(([name, tensor]) => [name, give(tensor, name)] as const);
    return { made, results: Object.fromEntries(results) };
  } catch (error) {
    disposeAll(made);
    throw error;
  }
}
