// Computes Gated DeltaNet on 8192 tokens with 4 heads of K = V = 64, over four workers and in one piece.
import { gatedDeltaRule } from "@dlrt/linear-attention";
import { createBackend } from "./backend.mjs";
import { splitSequence } from "./split-sequence.mjs";

const [T, H, D] = [8192, 4, 64];
const array = (cols, f) => ({
  data: Float32Array.from({ length: T * cols }, (_, i) => f(i)),
  shape: [1, T, cols],
});
const wave = (seed) => (i) => Math.sin(seed * i + 1.3 * Math.sin(0.07 * seed * i));
const inputs = {
  query: array(H * D, wave(1.1)),
  key: array(H * D, (i) => wave(2.3)(i) / Math.sqrt(D / 2)), // the keys have a length of about 1
  value: array(H * D, wave(3.7)),
  beta: array(H, (i) => 0.5 + 0.4 * wave(0.9)(i)),
  decay: array(H, (i) => -0.05 * (1 + wave(0.3)(i))),
};
const cotangent = array(H * D, wave(4.1));
const options = { heads: { query: H } };

const split = await splitSequence({ layerName: "gatedDeltaRule", inputs, cotangent, options, workers: 4 });

const backend = await createBackend("wasm");
const tensors = Object.fromEntries(
  Object.entries(inputs).map(([name, view]) => [name, backend.upload(view)]),
);
const { output } = gatedDeltaRule(backend, tensors, options);
const whole = await backend.read(output);
const size = whole.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
const difference = split.output.data.reduce((most, x, i) => Math.max(most, Math.abs(x - whole[i])), 0);
console.log(`passed a head and piece: ${split.passed.forward} numbers forward, ${split.passed.back} back`);
console.log(
  `largest difference from one piece, relative: ${difference / size < 1e-6 ? "below 1e-6" : difference / size}`,
);
