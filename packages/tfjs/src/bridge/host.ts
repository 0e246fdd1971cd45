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

/** What the WebAssembly backend of TensorFlow.js has beside the methods of every backend. */
interface Heap {
  typedArrayFromHeap(tensor: Pick<tf.Tensor, "shape" | "dtype" | "dataId">): tf.TypedArray;
}

/** That backend, where it is the current one. */
export function wasmHeap(): Heap | undefined {
  const backend = tf.backend() as Partial<Heap>;
  return tf.getBackend() === "wasm" && typeof backend.typedArrayFromHeap === "function"
    ? (backend as Heap)
    : undefined;
}

/**
 * The elements of a tensor, for reading at once: its heap moves when it grows, and only a new tensor may be written, as the backend keeps
 * packed copies of right-hand sides of products.
 */
export function elementsOf(tensor: tf.Tensor): Float32Array | Int32Array {
  const heap = wasmHeap();
  return (heap ? heap.typedArrayFromHeap(tensor) : tensor.dataSync()) as Float32Array | Int32Array;
}

/** The elements for a new tensor. TensorFlow.js keeps the array itself but on WebAssembly, where it copies it into its heap. */
function handedOver(tensor: HostTensor): FloatArray {
  const { layout, shape, data } = tensor;
  const count = elementCount(shape);
  const dense = isContiguous({ shape, layout });
  return dense && wasmHeap() ? data.subarray(layout.offset, layout.offset + count) : readView(tensor);
}

/** Between a backend in the host's memory and any backend of TensorFlow.js that the host can read without waiting: one copy each way. */
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

function onHost<T extends Tensor>(backend: Backend<T>, tensor: T): T {
  if ("data" in tensor) return tensor;
  tensor.dispose();
  throw new UnsupportedError(
    "backend",
    `a backend in the host's memory, where TensorFlow.js runs on "${tf.getBackend()}"`,
    backend.name,
  );
}
