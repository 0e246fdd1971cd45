// The bridge on one GPUDevice: the layer reads onnxruntime-web's buffers, and hands its result back as a buffer.
import { createWebGpuBackend } from "@dlrt/backend-webgpu";
import { gatedDeltaRule } from "@dlrt/linear-attention";

/**
 * Opens the layer: projections in onnxruntime-web, and the token mixer between them in @dlrt/linear-attention.
 * @param ort is onnxruntime-web's build for WebGPU
 * @param options are those of its sessions, whose outputs stay on the device
 * @param models are the bytes that model.mjs makes
 */
export async function openLayer({ ort, options, models, heads, tokens, width }) {
  const open = (name) => ort.InferenceSession.create(models[name], options);
  const [before, after] = [await open("before"), await open("after")];
  const device = await ort.env.webgpu.device; // it is there once the first session is open
  const backend = await createWebGpuBackend({ device });
  await backend.sync(); // rejects where the device computes something else

  /** Runs the mixer. @returns its result as a tensor of onnxruntime's, the state [H, K, V] as one of ours, and a function that frees both */
  function mix(tensors) {
    const inputs = Object.fromEntries(
      Object.entries(tensors).map(([name, { gpuBuffer, dims }]) => [name, backend.wrap(gpuBuffer, dims)]),
    );
    // Our backend submits late, and onnxruntime knows nothing of it. So the work is recorded and submitted here, and is in the queue before what
    // reads its result.
    const encoder = device.createCommandEncoder();
    let output, finalState;
    const recording = backend.record(encoder, () => {
      ({ output, finalState } = gatedDeltaRule(backend, inputs, {
        heads: { query: heads },
        finalState: true,
      }));
    });
    device.queue.submit([encoder.finish()]);
    recording.dispose();
    for (const t of Object.values(inputs)) t.dispose(); // the buffers stay, which are onnxruntime's
    if (output.offset !== 0) throw new Error(`the result begins at byte ${output.offset} of its buffer`);
    const dims = [1, tokens, width];
    const dispose = () => [output, finalState].forEach((t) => t.dispose());
    return {
      mixed: ort.Tensor.fromGpuBuffer(output.buffer, { dataType: "float32", dims }),
      state: finalState,
      dispose,
    };
  }

  return {
    backend,
    device,
    project: (x) => before.run({ x }),
    mix,
    /** Computes y and the state from x, a tensor on the device [1, T, D], as y is. `dispose` frees both. */
    async run(x) {
      const projected = await before.run({ x });
      const { mixed, state, dispose } = mix(projected);
      const { y } = await after.run({ mixed, x });
      for (const t of Object.values(projected)) t.dispose();
      return {
        y,
        state,
        dispose() {
          y.dispose();
          dispose();
        },
      };
    },
    async close() {
      await before.release();
      await after.release();
      await backend.dispose();
    },
  };
}
