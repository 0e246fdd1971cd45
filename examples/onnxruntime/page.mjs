// Makes the comparison of main.mjs on WebGPU, from a buffer to a buffer on one device.
import { openLayer } from "./layer-gpu.mjs";
import { distance, report, timesOf } from "./measure.mjs";
import { inputOf } from "./random.mjs";

const given = Object.fromEntries(
  [...new URLSearchParams(location.search)].map(([name, value]) => [name, Number(value)]),
);
const { repetitions, ...sizes } = { tokens: 1024, heads: 8, width: 512, seed: 1, repetitions: 9, ...given };
const say = (text) => {
  document.getElementById("report").textContent = text;
};

async function fetchModel(name) {
  const response = await fetch(`/models/${name}?${new URLSearchParams(sizes)}`);
  if (!response.ok) throw new Error(`model ${name}: ${await response.text()}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function runtime() {
  const path = "/ort/ort.webgpu.min.mjs";
  const found = await fetch(path);
  if (!found.ok) throw new Error(await found.text());
  const ort = await import(/* @vite-ignore */ path);
  ort.env.wasm.wasmPaths = "/ort/";
  ort.env.wasm.numThreads = 1;
  return ort;
}

const options = {
  executionProviders: ["webgpu"],
  preferredOutputLocation: "gpu-buffer",
  logSeverityLevel: 3,
  // A kernel that WebGPU lacks must not be taken from the CPU in silence.
  extra: { session: { disable_cpu_ep_fallback: "1" } },
};

/** Makes the tokens that go in, in a buffer of the device. */
function inputOn(device, ort) {
  const data = inputOf(sizes);
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const buffer = device.createBuffer({ size: data.byteLength, usage: STORAGE | COPY_SRC | COPY_DST });
  device.queue.writeBuffer(buffer, 0, data);
  return ort.Tensor.fromGpuBuffer(buffer, { dataType: "float32", dims: [1, sizes.tokens, sizes.width] });
}

/** Reads the elements, and frees the tensors on the device. */
async function readAll(tensors) {
  const read = {};
  for (const [name, t] of Object.entries(tensors)) read[name] = await t.getData(true);
  return read;
}

async function compare() {
  say("Opening onnxruntime-web…");
  const ort = await runtime();
  const names = ["whole", "before", "mixer", "after"];
  const models = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await fetchModel(name)])),
  );
  const layer = await openLayer({ ort, options, models, ...sizes });
  const { backend, device } = layer;
  const whole = await ort.InferenceSession.create(models.whole, options);
  const mixer = await ort.InferenceSession.create(models.mixer, options);
  const x = inputOn(device, ort);
  say("Comparing…");

  const theirs = await readAll(await whole.run({ x }));
  const ours = await layer.run(x);
  const [state, y] = [await backend.read(ours.state), await ours.y.getData()];
  ours.dispose();
  const differences = { output: distance(y, theirs.y), state: distance(state, theirs.state) };

  say("Measuring…");
  const done = () => device.queue.onSubmittedWorkDone();
  const free = (tensors) => Object.values(tensors).forEach((t) => t.dispose());
  const projected = await layer.project(x);
  const runs = {
    async theirs() {
      const outputs = await whole.run({ x });
      await done();
      free(outputs);
    },
    async ours() {
      const outputs = await layer.run(x);
      await done();
      outputs.dispose();
    },
    async theirMixer() {
      const outputs = await mixer.run(projected);
      await done();
      free(outputs);
    },
    async ourMixer() {
      const outputs = layer.mix(projected);
      await done();
      outputs.dispose();
    },
  };
  const times = await timesOf(runs, repetitions);
  const left = backend.memory();
  free(projected);
  await layer.close();
  const note = backend.supports.software ? "; software, no measure of speed" : "";
  return { title: `onnxruntime-web on WebGPU: ${backend.supports.build}${note}`, times, differences, left };
}

try {
  const result = await compare();
  say(report(result));
  globalThis.result = result;
} catch (error) {
  say(`It cannot be compared here: ${error.message}`);
  globalThis.result = { error: error.message };
}
