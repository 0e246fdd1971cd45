import type { Shape, Tensor } from "@dlrt/core";
import type * as tf from "@tensorflow/tfjs";

/** A TensorFlow.js tensor and the three axes under which it is known here. */
export interface Given {
  readonly tensor: tf.Tensor;
  readonly shape: Shape;
}

/** Carries elements from TensorFlow.js to a backend and back. */
export interface Bridge<T extends Tensor> {
  /**
   * Gives `work` the elements of `inputs` as tensors of the backend, and its results back as tensors of TensorFlow.js. Whatever was
   * made on the backend is disposed of, when `work` throws too.
   * @param shapeOf of a result as TensorFlow.js is to have it. Default: the three axes of the backend's tensor
   */
  run(
    inputs: Readonly<Record<string, Given>>,
    work: (tensors: Readonly<Record<string, T>>) => Readonly<Record<string, T>>,
    shapeOf?: (name: string) => readonly number[],
  ): Record<string, tf.Tensor>;
}

/** Disposes of tensors when `work` is over, those of its results that are inputs too, once. */
export function withDisposal<T extends Tensor, R>(work: (own: (tensor: T) => T) => R): R {
  const owned = new Set<T>();
  try {
    return work((tensor) => {
      owned.add(tensor);
      return tensor;
    });
  } finally {
    for (const tensor of owned) tensor.dispose();
  }
}
