import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { createJsBackend } from "@dlrt/backend-js";
import { applySummary } from "@dlrt/linear-attention";

/** Copies the tokens `from` to `to` of an array [1, T, columns]. */
function cut({ data, shape: [, , cols] }, from, to) {
  return { data: data.slice(from * cols, to * cols), shape: [1, to - from, cols] };
}

/** Joins pieces [1, T, columns] one after the other. */
function joined(pieces) {
  const data = new pieces[0].data.constructor(pieces.reduce((sum, { data: { length } }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    data.set(piece.data, at);
    at += piece.data.length;
  }
  const rows = pieces.reduce((sum, { shape }) => sum + shape[1], 0);
  return { data, shape: [1, rows, pieces[0].shape[2]] };
}

/** Asks a worker, and waits for its answer. */
async function ask(worker, question, given = {}) {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker takes none
  worker.postMessage({ question, ...given });
  const [{ answer, error }] = await once(worker, "message");
  if (error) throw error;
  return answer;
}

/**
 * Computes the states at the cuts, one after the other, by S ← A S + B. That takes K·K·V multiplications for each head and piece, whatever the
 * piece's length.
 * @returns as many states as there are maps, and one more
 */
async function statesAt(backend, maps, first) {
  const views = [first];
  for (const { transition, state } of maps) {
    const tensors = [transition, state, views.at(-1)].map((view) => backend.upload(view));
    const [A, B, S] = tensors;
    const next = applySummary(backend, { transition: A, state: B }, S);
    views.push({ data: await backend.read(next), shape: next.shape });
    for (const t of [...tensors, next]) t.dispose();
  }
  return views;
}

const transposed = ({ data, shape: [count, K] }) => ({ data, shape: [count, K, K], strides: [K * K, 1, K] });

/**
 * Computes a layer on one long sequence, which is cut into a piece for every worker, forward and backward.
 *
 * @param inputs are { name: { data, shape: [1, T, columns] } }, with one row for each token
 * @param cotangent is that of the output, [1, T, heads·V]
 * @param options are those of the layer's call: { heads, … }
 * @returns output, finalState, the gradients by the names of the inputs, and that of the initial state, which is 0 here; and how
 * many numbers passed for each head of a piece, forward and back
 */
export async function splitSequence({
  layerName,
  inputs,
  cotangent,
  options,
  workers: count,
  backendName = "wasm",
}) {
  const tokens = cotangent.shape[1];
  const bounds = Array.from({ length: count + 1 }, (_, i) => Math.round((i * tokens) / count));
  const pieceOf = (view, i) => cut(view, bounds[i], bounds[i + 1]);
  const workers = Array.from({ length: count }, (_, i) => {
    const own = Object.fromEntries(Object.entries(inputs).map(([name, view]) => [name, pieceOf(view, i)]));
    const workerData = { backendName, layerName, inputs: own, cotangent: pieceOf(cotangent, i), options };
    return new Worker(new URL("./worker.mjs", import.meta.url), { workerData });
  });
  const all = (question, given = () => ({})) =>
    Promise.all(workers.map((worker, i) => ask(worker, question, given(i))));
  const backend = createJsBackend(); // for the small products between the pieces
  try {
    // Forward, the workers make the maps of their pieces at the same time. From these come the states at the cuts, and from those, again at the
    // same time, the outputs of the pieces.
    const maps = await all("summary");
    const { shape, data } = maps[0].state;
    const zero = { data: new data.constructor(data.length), shape };
    const states = await statesAt(backend, maps, zero);
    const outputs = await all("forward", (i) => ({ initialState: states[i] }));

    // Back, it is the same from the last piece to the first, with Aᵀ, which is here already, and with the cotangents of the states.
    const backs = await all("back");
    const backwards = backs.map(({ state }, i) => ({ transition: transposed(maps[i].transition), state }));
    const ends = (await statesAt(backend, backwards.reverse(), zero)).reverse();
    const gradients = await all("backward", (i) => ({ initialState: states[i], finalState: ends[i + 1] }));

    const heads = shape[0];
    const names = Object.keys(inputs);
    return {
      output: joined(outputs.map(({ output }) => output)),
      finalState: states.at(-1),
      gradients: Object.fromEntries(names.map((name) => [name, joined(gradients.map((of) => of[name]))])),
      initialState: ends[0],
      passed: {
        forward: (maps[0].transition.data.length + data.length) / heads,
        back: backs[0].state.data.length / heads,
      },
      left: await all("end"),
    };
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
