import type { Backend, Tensor } from "@dlrt/core";
import { checkIsBackend } from "@dlrt/core/backend";
import * as tf from "@tensorflow/tfjs";
import { disposeAll, type Bridge, type Given, type Taken } from "./bridge.js";
import { gpuBridge, isGpuBackend } from "./gpu.js";
import { hostBridge } from "./host.js";
import { recorded } from "./tape.js";

type Tensors<T> = Readonly<Record<string, T>>;

/** An operation of TensorFlow.js that a backend computes. */
interface Operation<T extends Tensor> {
  readonly backend: Backend<T>;
  readonly inputs: Tensors<Given>;
  forward(inputs: Tensors<T>): Tensors<T>;
  /**
   * Returns a gradient for every input. `results` are those of the forward call where `keepsResults` is true, and none
   * otherwise.
   */
  backward(inputs: Tensors<T>, cotangents: Tensors<T>, results: Tensors<T>): Tensors<T>;
  /** Tells whether the gradient needs the results, as that of `solve` does. Default false. */
  readonly keepsResults?: boolean | undefined;
}

/** @throws ValueError, UnsupportedError */
function bridgeOf<T extends Tensor>(backend: Backend<T>): Bridge<T> {
  checkIsBackend(backend);
  return isGpuBackend(backend) ? gpuBridge(backend) : hostBridge(backend);
}

/**
 * Computes an operation, and its gradients when TensorFlow.js asks for them. The inputs stay on the backend until TensorFlow.js drops the
 * tape, or, where nothing is recorded, until the results are there.
 * @throws what the bridge and the operation throw; then nothing is left on either side
 */
export function differentiable<T extends Tensor>(operation: Operation<T>): Record<string, tf.Tensor> {
  const { backend, inputs, keepsResults = false } = operation;
  const bridge = bridgeOf(backend);
  const parts: Part[] = [];
  return tf.tidy(() => {
    const taken = bridge.take(inputs);
    const value = recorded(
      Object.values(inputs).map(({ tensor }) => tensor),
      () => {
        const { results, made } = computed(bridge, operation, taken);
        if (!keepsResults) disposeAll(made);
        for (const [name, { shape }] of Object.entries(results)) parts.push({ name, shape });
        return {
          value: joined(Object.values(results)),
          gradients: (cotangent) =>
            gradientsOf(bridge, operation, taken.tensors, apart(cotangent, parts), keepsResults ? made : {}),
          dispose: () => {
            taken.dispose();
            disposeAll(made);
          },
        };
      },
    );
    return apart(value, parts);
  });
}

/** Runs the forward call. Where it fails, its inputs are disposed. */
function computed<T extends Tensor>(
  bridge: Bridge<T>,
  { forward }: Operation<T>,
  { tensors, dispose }: Taken<T>,
): ReturnType<Bridge<T>["compute"]> {
  try {
    return bridge.compute(() => forward(tensors));
  } catch (error) {
    dispose();
    throw error;
  }
}

/** Runs the backward call, and returns the gradients in the order of the inputs, each of the axes that its input has. */
function gradientsOf<T extends Tensor>(
  bridge: Bridge<T>,
  { inputs, backward }: Operation<T>,
  tensors: Tensors<T>,
  cotangents: Tensors<tf.Tensor>,
  results: Tensors<T>,
): tf.Tensor[] {
  const given = Object.entries(cotangents).map(([name, tensor]) => {
    const shape = tensor.shape as [number, number, number];
    return [name, { tensor, shape }] as const;
  });
  const taken = bridge.take(Object.fromEntries(given));
  try {
    const { results: gradients, made } = bridge.compute(
      () => only(backward(tensors, taken.tensors, results), inputs),
      (name) => inputs[name]!.tensor.shape,
    );
    disposeAll(made);
    return Object.keys(inputs).map((name) => gradients[name]!);
  } finally {
    taken.dispose();
  }
}

/** Keeps the gradients of the inputs that were given. Others, such as that of a λ that was left out and counts as 0, are disposed. */
function only<T extends Tensor>(gradients: Tensors<T>, inputs: Tensors<Given>): Tensors<T> {
  const asked = Object.entries(gradients).filter(([name, gradient]) => {
    if (!(name in inputs)) gradient.dispose();
    return name in inputs;
  });
  return Object.fromEntries(asked);
}

/** One of several results: `tf.customGrad` returns a single tensor, in which the results lie one after the other. */
interface Part {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Joins results into one tensor: a lone result stays as it is, several lie one after the other on a single axis. */
function joined(results: readonly tf.Tensor[]): tf.Tensor {
  if (results.length === 1) return results[0]!;
  return tf.concat(results.map((result) => result.reshape([-1])));
}

/** Takes the results out of the tensor that `joined` made of them. */
function apart(value: tf.Tensor, parts: readonly Part[]): Record<string, tf.Tensor> {
  if (parts.length === 1) return { [parts[0]!.name]: value };
  let at = 0;
  const results: Record<string, tf.Tensor> = {};
  for (const { name, shape } of parts) {
    const size = tf.util.sizeFromShape([...shape]);
    results[name] = value.slice([at], [size]).reshape([...shape]);
    at += size;
  }
  return results;
}
