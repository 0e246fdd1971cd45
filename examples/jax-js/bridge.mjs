// Calls a layer of @dlrt/linear-attention in a jax-js program: forward, and back by a pullback that the caller chains with others.
import { numpy as np } from "@jax-js/jax";

/**
 * Makes a tensor of an array, which it takes over. On WebGPU it is the array's own buffer and no copy. jax-js lends the buffer as long as the
 * array lives and gives it to another array after that, so the array is kept (`ref`) until the tensor is disposed.
 */
async function lend(backend, array) {
  const { shape } = array;
  if (array.device !== "webgpu") {
    const tensor = backend.upload({ data: await array.data(), shape }); // data() frees the array too
    return { tensor, dispose: () => tensor.dispose() };
  }
  const tensor = backend.wrap(await array.ref.gpuBuffer(), shape);
  return {
    tensor,
    dispose() {
      tensor.dispose();
      array.dispose();
    },
  };
}

/** Makes an array of a tensor, which it disposes. The elements go through the host, since jax-js takes no buffer of others. */
async function take(backend, tensor, device) {
  const array = np.array(await backend.read(tensor), { shape: [...tensor.shape], device });
  tensor.dispose();
  return array;
}

/**
 * Computes a layer on arrays of jax-js.
 * @param call is { backend, layer, layerVjp }; for arrays on jax-js's device "webgpu" the backend must be on its GPUDevice
 * @param inputs are arrays of jax-js, f32 [B, T, H·D], by the layer's names; they are taken over, as jax-js's own functions do
 * @returns the output and its pullback, which takes over an array of the output's shape, returns one for every input, and must be disposed
 */
export async function through({ backend, layer, layerVjp }, inputs, options) {
  const { device } = Object.values(inputs)[0];
  const lent = {};
  for (const [name, array] of Object.entries(inputs)) lent[name] = await lend(backend, array);
  const tensors = Object.fromEntries(Object.entries(lent).map(([name, { tensor }]) => [name, tensor]));
  const output = await take(backend, layer(backend, tensors, options).output, device);

  async function pullback(cotangent) {
    const back = await lend(backend, cotangent);
    const gradients = layerVjp(backend, tensors, { output: back.tensor }, options);
    const arrays = {};
    for (const [name, gradient] of Object.entries(gradients))
      arrays[name] = await take(backend, gradient, device);
    back.dispose();
    return arrays;
  }
  pullback.dispose = () => {
    for (const one of Object.values(lent)) one.dispose();
  };
  return [output, pullback];
}
