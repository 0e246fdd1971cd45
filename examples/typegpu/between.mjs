// Runs a layer of ours between two kernels of TypeGPU's, on one GPUDevice, without a copy and without reading anything back in between.
import { createWebGpuBackend } from "@dlrt/backend-webgpu";
import { gatedDeltaRule } from "@dlrt/linear-attention";
import { tgpu, d } from "typegpu";

const WORKGROUP = 64;
const layout = tgpu.bindGroupLayout({
  from: { storage: d.arrayOf(d.f32), access: "readonly" },
  to: { storage: d.arrayOf(d.f32), access: "mutable" },
});

/** Makes a kernel that computes `expression` of every element x. */
const elementwise = (root, expression) =>
  root.createComputePipeline({
    compute: tgpu.computeFn({ in: { id: d.builtin.globalInvocationId }, workgroupSize: [WORKGROUP] })`{
      if (in.id.x < arrayLength(&layout.$.to)) {
        let x = layout.$.from[in.id.x];
        layout.$.to[in.id.x] = ${expression};
      }
    }`.$uses({ layout }),
  });

/**
 * Computes σ(b) and SiLU(v) by TypeGPU, the gated delta rule by ours, and o · σ(o) by TypeGPU again.
 * @param root is TypeGPU's, made by `tgpu.init()` in a page
 * @param arrays are query, key, value [T, H·D], b and decay [T, H], as number[]
 * @returns the elements of the last kernel's buffer, and what the backend still holds
 */
export async function between(root, { query, key, value, b, decay }, heads) {
  const backend = await createWebGpuBackend({ device: root.device });
  await backend.sync(); // rejects where the device computes something else
  const buffer = (length, initial) => root.createBuffer(d.arrayOf(d.f32, length), initial).$usage("storage");
  const map = (expression, from) => {
    const to = buffer(from.dataType.elementCount);
    elementwise(root, expression)
      .with(root.createBindGroup(layout, { from, to }))
      .dispatchWorkgroups(Math.ceil(from.dataType.elementCount / WORKGROUP));
    return to;
  };
  const T = b.length / heads;
  const wrap = (from) => backend.wrap(root.unwrap(from), [1, T, from.dataType.elementCount / T]);

  const inputs = {
    query: wrap(buffer(query.length, query)),
    key: wrap(buffer(key.length, key)),
    value: wrap(map("x / (1 + exp(-x))", buffer(value.length, value))), // the kernel is dispatched and submitted here
    beta: wrap(map("1 / (1 + exp(-x))", buffer(b.length, b))),
    decay: wrap(buffer(decay.length, decay)),
  };

  // Our backend submits late. So the layer is recorded into an encoder and submitted here, and runs before what TypeGPU does next.
  const encoder = root.device.createCommandEncoder();
  let output;
  const recording = backend.record(encoder, () => {
    ({ output } = gatedDeltaRule(backend, inputs, { heads: { query: heads }, normalizeKeys: true }));
  });
  root.device.queue.submit([encoder.finish()]);
  recording.dispose();

  // A tensor of ours becomes a buffer of TypeGPU's. That begins where the GPUBuffer does, and so must the tensor.
  if (output.offset !== 0) throw new Error(`the result begins at byte ${output.offset} of its buffer`);
  const ours = root.createBuffer(d.arrayOf(d.f32, value.length), output.buffer).$usage("storage");
  const result = await map("x / (1 + exp(-x))", ours).read();

  for (const t of [output, ...Object.values(inputs)]) t.dispose();
  const left = backend.memory();
  await backend.dispose();
  return { result, left };
}
