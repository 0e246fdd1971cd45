// The bridge with plain arrays: the projections are computed in onnxruntime, and the token mixer between them on a backend of ours.
import { gatedDeltaRule } from "@dlrt/linear-attention/host";

/**
 * Opens the layer.
 * @param ort is the module of onnxruntime-web or onnxruntime-node
 * @param models are the bytes that model.mjs makes
 * @param backend is any backend of @dlrt/core
 */
export async function openLayer({ ort, options, models, backend, heads, tokens, width }) {
  const open = (name) => ort.InferenceSession.create(models[name], options);
  const [before, after] = [await open("before"), await open("after")];
  const dims = [1, tokens, width];
  const output = new Float32Array(tokens * width);
  const finalState = new Float32Array((width * width) / heads);

  /** Runs the mixer. It reads the arrays of onnxruntime's tensors where they lie, and fills the same two arrays in every call. */
  async function mix(tensors) {
    const inputs = Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]));
    await gatedDeltaRule(backend, inputs, {
      heads: { query: heads },
      shape: [1, tokens],
      output,
      finalState,
    });
    return { mixed: new ort.Tensor("float32", output, dims), state: finalState };
  }

  return {
    project: (x) => before.run({ x }),
    mix,
    /** Computes y, a tensor of the same shape, and the state [H, K, V] from x, a tensor [1, T, D]. */
    async run(x) {
      const { mixed, state } = await mix(await before.run({ x }));
      const { y } = await after.run({ mixed, x });
      return { y, state };
    },
    async close() {
      await before.release();
      await after.release();
    },
  };
}
