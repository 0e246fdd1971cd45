import type { Shape, Tensor } from "@dlrt/core";
import type * as tf from "@tensorflow/tfjs";

/** A tensor of TensorFlow.js that was given as an input, and the three axes that the backend's tensor has for it. */
export interface Given {
  readonly tensor: tf.Tensor;
  readonly shape: Shape;
}

/** The inputs of a call as tensors of the backend. */
export interface Taken<T extends Tensor> {
  /** The tensors by the inputs' names. */
  readonly tensors: Readonly<Record<string, T>>;
  /** Disposes the backend's tensors and what TensorFlow.js lent for them. */
  dispose(): void;
}

/** Carries elements from TensorFlow.js to a backend and back. */
export interface Bridge<T extends Tensor> {
  /**
   * Brings inputs to the backend. Where one cannot be brought over, those before it are disposed.
   * @throws what `upload` or `wrap` of the backend throws; UnsupportedError where the two sides cannot meet
   */
  take(inputs: Readonly<Record<string, Given>>): Taken<T>;
  /**
   * Runs `work` on the backend, and copies its results into tensors of TensorFlow.js.
   * @param shapeOf says which axes TensorFlow.js gives to a result. Default: the three axes of the backend's tensor
   * @returns the same results twice: `results` in TensorFlow.js, and `made` on the backend, the caller's to dispose
   */
  compute(
    work: () => Readonly<Record<string, T>>,
    shapeOf?: (name: string) => readonly number[],
  ): { readonly results: Record<string, tf.Tensor>; readonly made: Readonly<Record<string, T>> };
}

/** Disposes every tensor of a record, of either side. */
export function disposeAll(tensors: Readonly<Record<string, { dispose(): void }>>): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}

/**
 * Takes one input after the other. Where one fails, those before it are disposed.
 * @param take makes the backend's tensor of one input, and hands over to `lend` what TensorFlow.js is to keep until then
 */
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

/** Gives the results of `Bridge.compute` out. Where that fails, the backend's tensors are disposed. */
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
