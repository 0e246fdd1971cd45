// In Chromium: onnxruntime-web's WebGPU kernels, as src/layer/chromium.ts asks for them. Arrays go over HTTP.
// A path of the server; that it is no literal keeps tools from looking for the file here.
const runtime = "/ort/ort.webgpu.min.mjs";
const ort = await import(runtime);

ort.env.wasm.wasmPaths = "/ort/";
ort.env.wasm.numThreads = 1;
// A kernel that is not there must not be taken from the CPU in silence.
const extra = { session: { disable_cpu_ep_fallback: "1" } };
const options = { executionProviders: ["webgpu"], logSeverityLevel: 3, extra };

let [session, feeds, results] = [];

const array = async (name) => (await fetch(`/data/${name}`)).arrayBuffer();

globalThis.bench = {
  async device() {
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter) throw new Error("this Chromium has no WebGPU adapter");
    const { vendor, architecture, description } = adapter.info;
    return [description, vendor, architecture].filter(Boolean).join(", ");
  },
  async load(shapes) {
    await session?.release();
    session = await ort.InferenceSession.create(new Uint8Array(await array("model")), options);
    const tensors = Object.entries(shapes).map(async ([name, dims]) => {
      const data = new Float32Array(await array(name));
      return [name, new ort.Tensor("float32", data, dims)];
    });
    feeds = Object.fromEntries(await Promise.all(tensors));
  },
  /** Milliseconds of each call, from arrays to arrays. */
  async call(repetitions) {
    const times = [];
    for (let i = 0; i < repetitions; i++) {
      const start = performance.now();
      results = await session.run(feeds);
      times.push(performance.now() - start);
    }
    return times;
  },
  async outputs() {
    const shapes = {};
    for (const [name, { data, dims }] of Object.entries(results)) {
      await fetch(`/data/${name}`, { method: "POST", body: data });
      shapes[name] = [...dims];
    }
    return shapes;
  },
};
