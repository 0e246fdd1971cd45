import { UnsupportedError } from "@dlrt/core";
import * as tf from "@tensorflow/tfjs";

/** The value of an operation, its gradient, and what ends the life of all that it keeps for that. */
interface Recorded {
  readonly value: tf.Tensor;
  gradients(cotangent: tf.Tensor): readonly tf.Tensor[];
  dispose(): void;
}

/**
 * An operation with a gradient of its own. What it keeps for the way back is its own affair, not copied as by the `save` of `tf.customGrad`
 * (on "wasm" a clone is a copy), and disposed of when TensorFlow.js disposes of what others have saved: with the tape; at once where
 * nothing is recorded.
 */
export function recorded(inputs: readonly tf.Tensor[], forward: () => Recorded): tf.Tensor {
  endAbandoned();
  let dispose: (() => void) | undefined;
  try {
    const operation = tf.customGrad(() => {
      const { value, gradients, dispose: end } = forward();
      dispose = end;
      return {
        value,
        gradFunc: (cotangent: tf.Tensor) => firstOnly([cotangent, ...inputs], gradients(cotangent)),
      };
    });
    const value = operation(...inputs);
    if (isRecording()) endWithTape(value, dispose!);
    else dispose!();
    return value;
  } catch (error) {
    dispose?.();
    throw error;
  }
}

function isRecording(): boolean {
  const { gradientDepth, kernelDepth } = tf.engine().state;
  return gradientDepth > 0 && kernelDepth === 0;
}

/** What is to end with a tape, by what ends it. */
const open = new Map<() => void, unknown>();

/** @throws UnsupportedError where the tape is not that of TensorFlow.js 4.22 */
function endWithTape(value: tf.Tensor, dispose: () => void): void {
  const { activeTape } = tf.engine().state;
  const node = activeTape?.at(-1);
  if (!node?.outputs.includes(value) || !Array.isArray(node.saved))
    throw new UnsupportedError("@tensorflow/tfjs", "the tape of version 4.22", tf.version.tfjs);
  const end = (): void => {
    open.delete(end);
    dispose();
  };
  open.set(end, activeTape);
  node.saved.push({ dispose: end } as tf.Tensor);
}

/** TensorFlow.js drops a tape, and disposes of nothing, where the function that it differentiates throws. */
function endAbandoned(): void {
  for (const [end, tape] of open) if (tape !== tf.engine().state.activeTape) end();
}

/** Ties gradients to what they come from, so that a second derivative is refused and does not silently count 0. */
function firstOnly(sources: readonly tf.Tensor[], gradients: readonly tf.Tensor[]): tf.Tensor[] {
  if (!isRecording()) return [...gradients];
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

/** Tensors with the same elements, not copied, that stay until they are disposed of. */
export function kept(tensors: readonly tf.Tensor[]): tf.Tensor[] {
  return tensors.map((tensor) => tf.keep(tensor.reshape(tensor.shape)));
}
