// A thread with a backend and a model of its own; parameters, gradients and text are in memory that all threads share.
import { parentPort, workerData } from "node:worker_threads";
import { createWasmBackend } from "@dlrt/backend-wasm";
import { Model } from "./model.mjs";

const { sizes, parameters, gradients } = workerData;
const backend = await createWasmBackend({ threads: 1 });
const model = new Model(backend, sizes);

/** Rows of `length` numbers of the text from each of the places on, and what comes after each number: [numbers, targets]. */
function rows(stream, starts, length) {
  return [0, 1].map((shift) => {
    const all = new Uint8Array(starts.length * length);
    starts.forEach((start, i) => all.set(stream.subarray(start + shift, start + shift + length), i * length));
    return all;
  });
}

const answers = {
  /** The loss on some windows of the text; the gradients lie in the shared array afterwards. */
  learn({ stream, starts, tokens }) {
    model.load(parameters);
    const [numbers, targets] = rows(stream, starts, tokens);
    return model.lossAndGradients(numbers, targets, [starts.length, tokens], gradients);
  },

  /**
   * Windows of any length, in pieces of so many tokens, from empty states: sums over the windows of the nats of each place's
   * target, and how many windows have one there that is no start of a file.
   */
  judge({ stream, starts, length, tokens }) {
    model.load(parameters);
    const [nats, count] = [new Float64Array(length), new Float64Array(length)];
    if (starts.length === 0) return { nats, count };
    const memory = model.remember(starts.length);
    for (let at = 0; at < length; at += tokens) {
      const here = Math.min(tokens, length - at);
      const places = starts.map((start) => start + at);
      const [numbers, targets] = rows(stream, places, here);
      model.loss(numbers, targets, [starts.length, here], memory).forEach((x, i) => {
        if (targets[i] === 0) return;
        nats[at + (i % here)] += x;
        count[at + (i % here)]++;
      });
    }
    memory.dispose();
    return { nats, count };
  },

  end() {
    model.dispose();
    return backend.memory();
  },
};

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker takes none
const post = (message) => parentPort.postMessage(message);

parentPort.on("message", ({ question, ...given }) => {
  try {
    post({ answer: answers[question](given) });
  } catch (error) {
    post({ error });
  }
});
