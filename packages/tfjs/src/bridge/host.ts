import {
  elementCount,
  UnsupportedError,
  type Backend,
  type FloatArray,
  type HostTensor,
  type Tensor,
} from "@dlrt/core";
import { isContiguous, readView } from "@dlrt/core/backend";
import * as tf from "@tensorflow/tfjs";
import { giveEach, takeEach, type Bridge } from "./bridge.js";

/** The method that the WebAssembly backend of TensorFlow.js has beside those of every backend. */
interface Heap {
  /** Returns a tensor's elements where they lie in the heap of the backend, without a copy. */
  typedArrayFromHeap(tensor: Pick<tf.Tensor, "shape" | "dtype" | "dataId">): tf.TypedArray;
}

/** Returns that backend where it is the current one, else undefined. */
export function wasmHeap(): Heap | undefined {
  const backend = tf.backend() as Partial<Heap>;
  return tf.getBackend() === "wasm" && typeof backend.typedArrayFromHeap === "function"
    ? (backend as Heap)
    : undefined;
}

/**
 * Returns the elements of a tensor, without a copy on WebAssembly. They must be read at once, because the heap moves when it grows, and not
 * be written, because that backend keeps packed copies of the right-hand sides of products.
 */
export function elementsOf(tensor: tf.Tensor): Float32Array | Int32Array {
  const heap = wasmHeap();
  return (heap ? heap.typedArrayFromHeap(tensor) : tensor.dataSync()) as Float32Array | Int32Array;
}

/**
 * Returns the elements of a result as an array for a new tensor. TensorFlow.js keeps the array it is given, so it gets one of its own; on
 * WebAssembly it copies the array into its heap, so there it gets the backend's own.
 */
function handedOver(tensor: HostTensor): FloatArray {
  const { layout, shape, data } = tensor;
  const count = elementCount(shape);
  const dense = isContiguous({ shape, layout });
  return dense && wasmHeap() ? data.subarray(layout.offset, layout.offset + count) : readView(tensor);
}

/**
 * The bridge between a backend in the host's memory and any backend of TensorFlow.js that the host can read without waiting. Elements are
 * copied once each way.
 */
export function hostBridge<T extends Tensor>(backend: Backend<T>): Bridge<T> {
  return {
    take: (inputs) =>
      takeEach(inputs, ({ tensor, shape }) =>
        onHost(backend, backend.upload({ data: elementsOf(tensor) as Float32Array, shape })),
      ),
    compute: (work, shapeOf) =>
      giveEach(work(), (made, name) => {
        const elements = handedOver(made as unknown as HostTensor) as Float32Array;
        return tf.tensor(elements, [...(shapeOf?.(name) ?? made.shape)], "float32");
      }),
  };
}

/** @throws UnsupportedError, and disposes the tensor, where the host cannot reach its elements */
function onHost<T extends Tensor>(backend: Backend<T>, tensor: T): T {
  if ("data" in tensor) return tensor;
  tensor.dispose();
  throw new UnsupportedError(
    "backend",
    `a backend in the host's memory, where TensorFlow.js runs on "${tf.getBackend()}"`,
    backend.name,
  );
}
