import { UnsupportedError, type Backend, type FloatArray, type HostTensor, type Tensor } from "@dlrt/core";
import { isContiguous, readView } from "@dlrt/core/backend";
import * as tf from "@tensorflow/tfjs";
import { withDisposal, type Bridge } from "./bridge.js";

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
  const count = shape[0] * shape[1] * shape[2];
  const dense = isContiguous({ shape, layout });
  return dense && wasmHeap() ? data.subarray(layout.offset, layout.offset + count) : readView(tensor);
}

/** Between a backend in the host's memory and any backend of TensorFlow.js that the host can read without waiting: one copy each way. */
export function hostBridge<T extends Tensor>(backend: Backend<T>): Bridge<T> {
  return {
    run: (inputs, work, shapeOf) =>
      withDisposal<T, Record<string, tf.Tensor>>((own) => {
        const tensors: Record<string, T> = {};
        for (const [name, { tensor, shape }] of Object.entries(inputs)) {
          tensors[name] = own(backend.upload({ data: elementsOf(tensor) as Float32Array, shape }));
          checkHost(backend, tensors[name]!);
        }
        const made = Object.entries(work(tensors));
        for (const [, result] of made) own(result);
        const results = made.map(([name, result]) => {
          const shape = shapeOf?.(name) ?? result.shape;
          const elements = handedOver(result as unknown as HostTensor) as Float32Array;
          return [name, tf.tensor(elements, [...shape], "float32")] as const;
        });
        return Object.fromEntries(results);
      }),
  };
}

function checkHost(backend: Backend, tensor: Tensor): void {
  if ("data" in tensor) return;
  throw new UnsupportedError(
    "backend",
    `a backend in the host's memory, where TensorFlow.js runs on "${tf.getBackend()}"`,
    backend.name,
  );
}
