// Computes one piece of a sequence. Its inputs stay here, and only states, maps of states, outputs and gradients go out.
import { parentPort, workerData } from "node:worker_threads";
import * as layers from "@dlrt/linear-attention";
import { createBackend } from "./backend.mjs";

const { backendName, layerName, inputs: arrays, cotangent, options } = workerData;
const backend = await createBackend(backendName);
const layer = layers[layerName];
const upload = (views) =>
  Object.fromEntries(Object.entries(views).map(([name, view]) => [name, backend.upload(view)]));
const inputs = upload(arrays);
let summary; // the summary of the way forward, which the way back needs

/** Reads the elements and shapes of tensors, and disposes them. */
async function take(tensors) {
  const views = {};
  for (const [name, t] of Object.entries(tensors)) {
    views[name] = { data: await backend.read(t), shape: t.shape };
    t.dispose();
  }
  return views;
}

const answers = {
  /** Returns what the piece does to any state S, A S + B: K·K + K·V numbers for each head. */
  async summary() {
    summary = layers.chunkSummary(layer, backend, inputs, options);
    const { transition, state } = summary;
    return {
      transition: { data: await backend.read(transition), shape: transition.shape },
      state: { data: await backend.read(state), shape: state.shape },
    };
  },

  /** Returns the output, from the state before the piece. */
  async forward({ initialState }) {
    const before = backend.upload(initialState);
    const { output } = layer(backend, inputs, { ...options, initialState: before });
    before.dispose();
    return take({ output });
  },

  /** Returns what comes back to the state before the piece through its output alone: K·V numbers for each head. */
  async back() {
    const output = backend.upload(cotangent);
    const { transition, state } = layers.chunkSummaryVjp(
      layer,
      backend,
      inputs,
      { output, summary },
      options,
    );
    for (const t of [output, transition, summary.transition, summary.state]) t.dispose();
    return take({ state });
  },

  /** Returns the gradients of the inputs, from the state before the piece and the cotangent of the state after it. */
  async backward({ initialState, finalState }) {
    const states = upload({ initialState, finalState, output: cotangent });
    const { initialState: before, ...cotangents } = states;
    const gradients = layers[`${layerName}Vjp`](backend, inputs, cotangents, {
      ...options,
      initialState: before,
    });
    for (const t of Object.values(states)) t.dispose();
    return take(gradients);
  },

  async end() {
    for (const t of Object.values(inputs)) t.dispose();
    return backend.memory();
  },
};

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker takes none
const post = (message) => parentPort.postMessage(message);

parentPort.on("message", async ({ question, ...given }) => {
  try {
    post({ answer: await answers[question](given) });
  } catch (error) {
    post({ error });
  }
});
