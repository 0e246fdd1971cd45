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
  /** A gradient for every input; `results` are those of the forward call where `keepsResults` is true. */
  backward(inputs: Tensors<T>, cotangents: Tensors<T>, results: Tensors<T>): Tensors<T>;
  /** Whether the gradient needs the results. */
  readonly keepsResults?: boolean | undefined;
}

/** @throws ValueError, UnsupportedError */
function bridgeOf<T extends Tensor>(backend: Backend<T>): Bridge<T> {
  checkIsBackend(backend);
  return isGpuBackend(backend) ? gpuBridge(backend) : hostBridge(backend);
}

/** Computes an operation, and its gradients where TensorFlow.js asks for them. Its inputs stay on the backend until then. */
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

/** The forward call; where it fails, its inputs are let go. */
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

/** The gradients of inputs that were given; others, such as that of a λ that counts 0, are let go. */
function only<T extends Tensor>(gradients: Tensors<T>, inputs: Tensors<Given>): Tensors<T> {
  const asked = Object.entries(gradients).filter(([name, gradient]) => {
    if (!(name in inputs)) gradient.dispose();
    return name in inputs;
  });
  return Object.fromEntries(asked);
}

/** A result in the one tensor that a custom gradient may return. */
interface Part {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A lone result as it is; several one after the other. */
function joined(results: readonly tf.Tensor[]): tf.Tensor {
  if (results.length === 1) return results[0]!;
  return tf.concat(results.map((result) => result.reshape([-1])));
}

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
