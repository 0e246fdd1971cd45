import { UnsupportedError } from "@dlrt/core";
import * as tf from "@tensorflow/tfjs";

/** An operation that was computed. */
interface Recorded {
  readonly value: tf.Tensor;
  /** Returns the gradients of the inputs, in their order. */
  gradients(cotangent: tf.Tensor): readonly tf.Tensor[];
  /** Disposes all that the operation keeps for its gradients. */
  dispose(): void;
}

/**
 * Runs an operation that has a gradient of its own. What the operation keeps for its gradient is not handed to the `save` of
 * `tf.customGrad`, which would copy it (on "wasm" a clone is a copy). It is disposed when TensorFlow.js disposes what other operations
 * have saved, that is with the tape; where nothing is recorded, it is disposed at once.
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

/** Tells whether TensorFlow.js records the operations that the program calls now, and not those inside a kernel. */
function isRecording(): boolean {
  const { gradientDepth, kernelDepth } = tf.engine().state;
  return gradientDepth > 0 && kernelDepth === 0;
}

/** For each function that disposes what an operation keeps: the tape with which that is to end. */
const open = new Map<() => void, unknown>();

/**
 * Puts `dispose` on the tape, on the list of what the operation has saved, so that TensorFlow.js calls it when it drops the tape.
 * @throws UnsupportedError where the tape is not that of TensorFlow.js 4.22
 */
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

/**
 * Disposes what belongs to tapes that are gone: where the function that is differentiated throws, TensorFlow.js drops its tape and disposes
 * nothing.
 */
function endAbandoned(): void {
  for (const [end, tape] of open) if (tape !== tf.engine().state.activeTape) end();
}

/** Ties gradients to the tensors they are computed from, so that a second derivative is refused and does not silently count as 0. */
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

/** Returns tensors over the same elements, without a copy, that `tf.tidy` leaves alone and that the caller disposes. */
export function kept(tensors: readonly tf.Tensor[]): tf.Tensor[] {
  return tensors.map((tensor) => tf.keep(tensor.reshape(tensor.shape)));
}
