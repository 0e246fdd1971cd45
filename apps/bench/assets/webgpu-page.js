// In Chromium: onnxruntime-web's WebGPU kernels and ours beside each other, as src/peers/chromium.ts asks for them. Arrays go by requests, which it answers.
// Paths that chromium.ts answers; that they are no literals keeps tools from looking for the files here.
const paths = { runtime: "/ort/ort.webgpu.min.mjs", contender: "/bench/harness/layer/contender.js" };
const ort = await import(paths.runtime);
const { layerContenders, timed } = await import(paths.contender);
const { createWebGpuBackend } = await import("@dlrt/backend-webgpu");

ort.env.wasm.wasmPaths = "/ort/";
ort.env.wasm.numThreads = 1;

const array = async (id, name) => (await fetch(`/data/${id}/${name}`)).arrayBuffer();

/** A session of the model, which computes from arrays to arrays or, resident, from buffers on the device to such. */
async function onnx(id, { dims }, resident) {
  const session = await ort.InferenceSession.create(new Uint8Array(await array(id, "model")), {
    executionProviders: ["webgpu"],
    logSeverityLevel: 3,
    // A kernel that is not there must not be taken from the CPU in silence.
    extra: { session: { disable_cpu_ep_fallback: "1" } },
    ...(resident && { preferredOutputLocation: "gpu-buffer" }),
  });
  const device = await ort.env.webgpu.device;
  const buffers = [];
  const onDevice = (data, shape) => {
    const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const buffer = device.createBuffer({ size: data.byteLength, usage: STORAGE | COPY_SRC | COPY_DST });
    device.queue.writeBuffer(buffer, 0, data);
    buffers.push(buffer);
    return ort.Tensor.fromGpuBuffer(buffer, { dataType: "float32", dims: shape });
  };
  const tensors = Object.entries(dims).map(async ([name, shape]) => {
    const data = new Float32Array(await array(id, name));
    return [name, resident ? onDevice(data, shape) : new ort.Tensor("float32", data, shape)];
  });
  const feeds = Object.fromEntries(await Promise.all(tensors));
  let results = {};
  const call = async () => {
    for (const result of Object.values(results)) result.dispose();
    results = await session.run(feeds);
    if (resident) await device.queue.onSubmittedWorkDone();
  };
  return {
    times: (calls) => timed(call, calls),
    read: () => Promise.all(["output", "present_state"].map((name) => results[name].getData())),
    async close() {
      for (const result of Object.values(results)) result.dispose();
      for (const buffer of buffers) buffer.destroy();
      await session.release();
    },
  };
}

let backend;

/** The very runs that other backends are measured by. */
async function ours(id, { sizes, names }, resident) {
  backend ??= await createWebGpuBackend();
  const arrays = names.map(async (name) => [name, new Float32Array(await array(id, name))]);
  const problem = { ...sizes, ...Object.fromEntries(await Promise.all(arrays)) };
  return layerContenders({ name: "webgpu", backend })[resident ? 1 : 0].open(problem);
}

const kinds = { onnx, ours };
const runs = new Map();

globalThis.bench = {
  async device() {
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter) throw new Error("this Chromium has no WebGPU adapter");
    const { vendor, architecture, description } = adapter.info;
    return [description, vendor, architecture].filter(Boolean).join(", ");
  },
  async open(id, who, about, resident) {
    runs.set(id, await kinds[who](id, about, resident));
  },
  times: (id, calls) => runs.get(id).times(calls),
  /** How many arrays there are of it; they have been sent. */
  async read(id) {
    const outputs = await runs.get(id).read();
    for (const [at, body] of outputs.entries()) await fetch(`/data/${id}/out${at}`, { method: "POST", body });
    return outputs.length;
  },
  async close(id) {
    await runs.get(id)?.close();
    runs.delete(id);
  },
};
