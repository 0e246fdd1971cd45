import { UnsupportedError, type Backend, type Tensor } from "@dlrt/core";
import { checkIsBackend } from "@dlrt/core/backend";
import * as tf from "@tensorflow/tfjs";
import type { Bridge, Given } from "./bridge.js";
import { gpuBridge, isGpuBackend } from "./gpu.js";
import { hostBridge } from "./host.js";

type Tensors<T> = Readonly<Record<string, T>>;

/** An operation of TensorFlow.js that a backend computes. */
interface Operation<T extends Tensor> {
  readonly backend: Backend<T>;
  readonly inputs: Readonly<Record<string, Given>>;
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

/** Computes an operation, and its gradients where TensorFlow.js asks for them. */
export function differentiable<T extends Tensor>(operation: Operation<T>): Record<string, tf.Tensor> {
  const { backend, inputs, keepsResults = false } = operation;
  const bridge = bridgeOf(backend);
  const names = Object.keys(inputs);
  const parts: Part[] = [];

  const compute = tf.customGrad((...args: unknown[]) => {
    const save = args.at(-1) as tf.GradSaveFunc;
    const given = args.slice(0, -1) as tf.Tensor[];
    const results = bridge.run(inputs, (tensors) => operation.forward(tensors));
    for (const [name, { shape }] of Object.entries(results)) parts.push({ name, shape });
    const value = joined(Object.values(results));
    save(keepsResults ? [...given, value] : given);
    const gradFunc = (cotangent: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] => {
      const again = Object.fromEntries(
        names.map((name, i) => [name, { tensor: saved[i]!, shape: inputs[name]!.shape }]),
      );
      const kept = keepsResults ? saved.at(-1) : undefined;
      const gradients = backwards(
        bridge,
        operation,
        again,
        apart(cotangent, parts),
        kept && apart(kept, parts),
      );
      return firstOnly(
        [cotangent, ...saved],
        names.map((name) => gradients[name]!),
      );
    };
    return { value, gradFunc };
  });
  return tf.tidy(() => apart(compute(...names.map((name) => inputs[name]!.tensor)), parts));
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

/** The cotangents and results go to the backend with the inputs, under names that no input has. */
function backwards<T extends Tensor>(
  bridge: Bridge<T>,
  operation: Operation<T>,
  inputs: Readonly<Record<string, Given>>,
  cotangents: Tensors<tf.Tensor>,
  results: Tensors<tf.Tensor> = {},
): Record<string, tf.Tensor> {
  const given = { ...inputs, ...renamed("cotangent ", cotangents), ...renamed("result ", results) };
  const work = (tensors: Tensors<T>): Tensors<T> => {
    const taken = (prefix: string, names: object): Tensors<T> =>
      Object.fromEntries(Object.keys(names).map((name) => [name, tensors[prefix + name]!]));
    const own = taken("", inputs);
    return operation.backward(own, taken("cotangent ", cotangents), taken("result ", results));
  };
  return bridge.run(given, work, (name) => inputs[name]!.tensor.shape);
}

function renamed(prefix: string, tensors: Tensors<tf.Tensor>): Record<string, Given> {
  const entries = Object.entries(tensors);
  return Object.fromEntries(
    entries.map(([name, tensor]) => [
      prefix + name,
      { tensor, shape: tensor.shape as [number, number, number] },
    ]),
  );
}

/** Ties gradients to what they come from, so that a second derivative is refused and does not silently count 0. */
export function firstOnly(sources: readonly tf.Tensor[], gradients: readonly tf.Tensor[]): tf.Tensor[] {
  return gradients.map((gradient) => {
    const tied = tf.customGrad(() => ({
      value: gradient.clone(),
      gradFunc: (): never => {
        throw new UnsupportedError("gradient", "a first derivative", "a derivative of a gradient");
      },
    }));
    return tied(...sources);
  });
}
