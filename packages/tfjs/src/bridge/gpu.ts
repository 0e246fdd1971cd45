import { elementCount, UnsupportedError, type Backend, type Shape, type Tensor } from "@dlrt/core";
import * as tf from "@tensorflow/tfjs";
import { withDisposal, type Bridge, type Given } from "./bridge.js";

/** What is used of a `GPUDevice`, whose types not every program has. */
interface Device {
  readonly queue: { submit(commands: readonly unknown[]): void };
  createCommandEncoder(): { finish(): unknown };
}

interface GpuTensor extends Tensor {
  readonly buffer: object;
  /** Bytes. */
  readonly offset: number;
}

/** What `@dlrt/backend-webgpu` has beside the members of every backend. */
interface GpuBackend<T extends Tensor> extends Backend<T> {
  readonly device: Device;
  wrap(buffer: object, shape: Shape): T;
  record(encoder: object, work: () => void): { dispose(): void };
}

/** The WebGPU backend of TensorFlow.js. */
interface TfBackend {
  readonly device: unknown;
  /** Brings elements that are in the host's memory yet onto the device. */
  uploadToGPU(dataId: object): void;
}

/** Whether tensors of the backend are in buffers of a GPU. */
export function isGpuBackend<T extends Tensor>(backend: Backend<T>): backend is GpuBackend<T> {
  return "device" in backend && "record" in backend && "wrap" in backend;
}

/** @throws UnsupportedError unless TensorFlow.js runs on the same device */
function checkDevice<T extends Tensor>({ device }: GpuBackend<T>): TfBackend {
  const current = tf.backend() as unknown as Partial<TfBackend>;
  const expected =
    "TensorFlow.js on the device of the backend: createWebGpuBackend({ device: tf.backend().device })";
  if (tf.getBackend() !== "webgpu")
    throw new UnsupportedError("backend", expected, `TensorFlow.js on "${tf.getBackend()}"`);
  if (current.device !== device) throw new UnsupportedError("backend", expected, "two devices");
  return current as TfBackend;
}

/**
 * Between buffers of one GPUDevice, copied on the device and never through the host. TensorFlow.js keeps its own buffers to itself and gives
 * copies out; a result is copied too, as it would never free a buffer that it was lent.
 */
export function gpuBridge<T extends Tensor>(backend: GpuBackend<T>): Bridge<T> {
  return {
    run: (inputs, work, shapeOf) => {
      const current = checkDevice(backend);
      const lent: tf.Tensor[] = [];
      try {
        return withDisposal<T, Record<string, tf.Tensor>>((own) => {
          // What TensorFlow.js has recorded is submitted by its copies, and ours right after: so the queue has all in order.
          const tensors = mapped(inputs, (given) => own(taken(backend, current, given, lent)));
          const results = recorded(backend, () => {
            const made = work(tensors);
            for (const result of Object.values(made)) own(result);
            return made;
          });
          return mapped(results, (result, name) => handedOver(result, shapeOf?.(name) ?? result.shape));
        });
      } finally {
        for (const tensor of lent) tensor.dispose();
      }
    },
  };
}

/** A tensor of the backend in a buffer that TensorFlow.js has copied its elements to. */
function taken<T extends Tensor>(
  backend: GpuBackend<T>,
  current: TfBackend,
  { tensor, shape }: Given,
  lent: tf.Tensor[],
): T {
  if (elementCount(shape) === 0) return backend.empty(shape);
  current.uploadToGPU(tensor.dataId); // else a tensor that no operation has used yet has no buffer
  const { buffer, tensorRef } = tensor.dataToGPU();
  lent.push(tensorRef);
  return backend.wrap(buffer!, shape);
}

/** Records `work` into an encoder of its own, which is submitted at once. */
function recorded<T extends Tensor, R>(backend: GpuBackend<T>, work: () => R): R {
  const encoder = backend.device.createCommandEncoder();
  let results: R | undefined;
  const recording = backend.record(encoder, () => (results = work()));
  backend.device.queue.submit([encoder.finish()]);
  recording.dispose();
  return results!;
}

function handedOver<T extends Tensor>(result: T, shape: readonly number[]): tf.Tensor {
  if (elementCount(result.shape) === 0) return tf.zeros([...shape]);
  const { buffer } = result as unknown as GpuTensor;
  return tf.tensor({ buffer } as unknown as tf.WebGPUData, [...shape], "float32");
}

function mapped<V, R>(
  record: Readonly<Record<string, V>>,
  f: (value: V, name: string) => R,
): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]));
}
