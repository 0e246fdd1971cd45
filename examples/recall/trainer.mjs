// Trains one of the three models in a worker of the page, and reports what it learns and what it answers.
import { createWasmBackend } from "@dlrt/backend-wasm";
import { createWebGpuBackend } from "@dlrt/backend-webgpu";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import plain from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url";
import simd from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url";
import threaded from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url";
import "@tensorflow/tfjs-backend-webgpu";
import { createModel } from "./model.mjs";
import { answersOverTime, statesOverTime } from "./picture.mjs";
import { shownSequence, TASK } from "./recall.mjs";
import { accuracyOf, train } from "./train.mjs";

const stop = new AbortController();
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's has none
const tell = (message) => globalThis.postMessage(message);

/** Starts TensorFlow.js and our backend: on WebAssembly with one thread each, since every model has a worker, or on the same GPUDevice. */
async function start(name) {
  if (name === "webgpu") {
    await tf.setBackend("webgpu");
    return createWebGpuBackend({ device: tf.backend().device });
  }
  setWasmPaths({
    "tfjs-backend-wasm.wasm": plain,
    "tfjs-backend-wasm-simd.wasm": simd,
    "tfjs-backend-wasm-threaded-simd.wasm": threaded,
  });
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  await tf.setBackend("wasm");
  return createWasmBackend({ threads: 1 });
}

async function run({ mixer, backendName, steps, seed }) {
  const backend = await start(backendName);
  const model = createModel({ mixer, backend, task: TASK, seed });
  tell({ type: "started", parameters: model.parameters, runs: backend.supports.build });
  const every = Math.max(1, Math.round(steps / 40));
  try {
    await train(model, TASK, {
      ...{ steps, seed, every, signal: stop.signal },
      onProgress: (progress) => tell({ type: "progress", ...progress }),
    });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  const sequence = shownSequence(TASK);
  const answers = await answersOverTime(model, TASK, sequence);
  tell({ type: "picture", answers, states: await statesOverTime(model, TASK, sequence) });
  tell({
    type: "done",
    accuracy: await accuracyOf(model, TASK, { seed: seed + 2e6 }),
    stopped: stop.signal.aborted,
  });
}

globalThis.addEventListener("message", async ({ data }) => {
  if (data.type === "stop") {
    stop.abort();
    return;
  }
  try {
    await run(data);
  } catch (error) {
    tell({ type: "failed", message: String(error?.message ?? error) });
  }
});
