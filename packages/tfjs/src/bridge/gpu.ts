import { elementCount, UnsupportedError, type Backend, type Shape, type Tensor } from "@dlrt/core";
import * as tf from "@tensorflow/tfjs";
import { giveEach, takeEach, type Bridge } from "./bridge.js";

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
    take: (inputs) => {
      const current = checkDevice(backend);
      return takeEach(inputs, ({ tensor, shape }, lend) => {
        if (elementCount(shape) === 0) return backend.empty(shape);
        current.uploadToGPU(tensor.dataId); // else a tensor that no operation has used yet has no buffer
        const { buffer, tensorRef } = tensor.dataToGPU();
        lend(tf.keep(tensorRef));
        return backend.wrap(buffer!, shape);
      });
    },
    // What TensorFlow.js has recorded was submitted by its copies, and this is right after: so the queue has all in order.
    compute: (work, shapeOf) =>
      giveEach(recorded(backend, work), (made, name) => handedOver(made, shapeOf?.(name) ?? made.shape)),
  };
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
