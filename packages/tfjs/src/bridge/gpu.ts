import { elementCount, UnsupportedError, type Backend, type Shape, type Tensor } from "@dlrt/core";
import * as tf from "@tensorflow/tfjs";
import { giveEach, takeEach, type Bridge } from "./bridge.js";

/** The part of a `GPUDevice` that is used here. The types of WebGPU are not imported, since not every program has them. */
interface Device {
  readonly queue: { submit(commands: readonly unknown[]): void };
  createCommandEncoder(): { finish(): unknown };
}

interface GpuTensor extends Tensor {
  readonly buffer: object;
  /** Where the tensor's first element lies in the buffer, in bytes. */
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
  /** Copies a tensor's elements to the device, where they are still in the host's memory alone. */
  uploadToGPU(dataId: object): void;
}

/** Tells whether the tensors of the backend lie in buffers of a GPU. */
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
 * The bridge between buffers of one GPUDevice: elements are copied on the device and never through the host. TensorFlow.js keeps its own
 * buffers to itself and hands out copies. A result is copied too, because TensorFlow.js would never free a buffer that was lent to it.
 */
export function gpuBridge<T extends Tensor>(backend: GpuBackend<T>): Bridge<T> {
  return {
    take: (inputs) => {
      const current = checkDevice(backend);
      return takeEach(inputs, ({ tensor, shape }, lend) => {
        if (elementCount(shape) === 0) return backend.empty(shape);
        current.uploadToGPU(tensor.dataId); // a tensor that no operation has used yet has no buffer before this
        const { buffer, tensorRef } = tensor.dataToGPU();
        lend(tf.keep(tensorRef));
        return backend.wrap(buffer!, shape);
      });
    },
    // The copies above made TensorFlow.js submit what it had recorded, and this work is submitted next, so the queue runs both in order.
    compute: (work, shapeOf) =>
      giveEach(recorded(backend, work), (made, name) => handedOver(made, shapeOf?.(name) ?? made.shape)),
  };
}

/** Records `work` into an encoder of its own and submits it at once, so that what TensorFlow.js records later runs after it. */
function recorded<T extends Tensor, R>(backend: GpuBackend<T>, work: () => R): R {
  const encoder = backend.device.createCommandEncoder();
  let results: R | undefined;
  const recording = backend.record(encoder, () => (results = work()));
  backend.device.queue.submit([encoder.finish()]);
  recording.dispose();
  return results!;
}

/** Copies a result of the backend into a new tensor of TensorFlow.js. */
function handedOver<T extends Tensor>(result: T, shape: readonly number[]): tf.Tensor {
  if (elementCount(result.shape) === 0) return tf.zeros([...shape]);
  const { buffer } = result as unknown as GpuTensor;
  return tf.tensor({ buffer } as unknown as tf.WebGPUData, [...shape], "float32");
}
