import { Adam } from "./adam.mjs";
import { randomFrom } from "./random.mjs";

/** The rate at a share of the way: up in a straight line for a twentieth, then down along a cosine. */
function rateAt(share, highest) {
  const WARM = 0.05;
  return share < WARM
    ? (highest * share) / WARM
    : (highest * (1 + Math.cos((Math.PI * (share - WARM)) / (1 - WARM)))) / 2;
}

/** Characters of a file beyond which it is learned from no more often: two files of browsers are half of the text. */
const ENOUGH = 100_000;

/** Draws where a window begins: a file by its length, up to what is enough, then any place in it. */
function drawing(stream, tokens, random) {
  const bounds = [];
  for (let i = stream.indexOf(0); i >= 0; i = stream.indexOf(0, i + 1)) bounds.push(i);
  const files = bounds.map((from, i) => ({ from, length: (bounds[i + 1] ?? stream.length) - from }));
  let total = 0;
  const ends = files.map(({ length }) => (total += Math.min(length, ENOUGH)));
  return () => {
    const at = random() * total;
    const { from, length } = files[ends.findIndex((end) => at < end)];
    return Math.min(from + Math.floor(random() * length), stream.length - tokens - 1);
  };
}

/**
 * Trains until the time is over, or for so many steps, or until the signal.
 * @param team of workers @param {Float32Array} parameters shared with them, changed in place @param {Uint8Array} stream in shared memory
 * @param options batch: windows a step, over all workers; tokens: of a window; steps, else minutes
 * @param {(progress: { step, share, loss, seconds }) => void} onStep loss in nats a character, of this step
 * @returns {{ steps: number, seconds: number, aborted: boolean }}
 */
export async function train(team, parameters, stream, options, onStep = () => {}) {
  const { batch = 2, tokens = 512, rate = 4e-3, seed = 1, steps, minutes = 10, signal } = options;
  const draw = drawing(stream, tokens, randomFrom(seed));
  const adam = new Adam(parameters);
  const each = Math.ceil(batch / team.count);
  const began = performance.now();
  const now = () => (performance.now() - began) / 1e3;
  const shareAt = (step) => (steps === undefined ? now() / (60 * minutes) : step / steps);
  let step = 0;
  for (let share = 0; share < 1 && !signal?.aborted; share = shareAt(step)) {
    const starts = Array.from({ length: team.count }, () => Array.from({ length: each }, () => draw()));
    const losses = await team.ask("learn", (i) => ({ stream, starts: starts[i], tokens }));
    adam.step(team.meanGradients(), rateAt(share, rate));
    step++;
    onStep({ step, share, loss: losses.reduce((sum, x) => sum + x, 0) / losses.length, seconds: now() });
  }
  return { steps: step, seconds: now(), aborted: signal?.aborted ?? false };
}

/**
 * Bits a character by its place in windows of the text, each from empty states.
 * @param {number} length of a window, beyond which nothing of the text is judged twice
 * @returns {{ bits: number, byPlace: number[] }} over all, and over every `tokens` places of a window
 */
export async function judge(team, stream, { length: longest = 4096, tokens = 512 }) {
  const batch = 8; // windows of a thread at a time
  const length = Math.min(longest, stream.length - 1);
  const windows = Math.floor((stream.length - 1) / length);
  const [nats, count] = [new Float64Array(length), new Float64Array(length)];
  for (let first = 0; first < windows; first += batch * team.count) {
    const starts = (i) =>
      Array.from({ length: batch }, (_, b) => first + i * batch + b)
        .filter((window) => window < windows)
        .map((window) => window * length);
    const answers = await team.ask("judge", (i) => ({ stream, starts: starts(i), length, tokens }));
    for (const answer of answers) {
      for (let t = 0; t < length; t++) {
        nats[t] += answer.nats[t];
        count[t] += answer.count[t];
      }
    }
  }
  const over = (from, to) => {
    const sum = (array) => array.subarray(from, to).reduce((total, x) => total + x, 0);
    return sum(nats) / sum(count) / Math.LN2;
  };
  return {
    bits: over(0, length),
    byPlace: Array.from({ length: Math.ceil(length / tokens) }, (_, i) => over(i * tokens, (i + 1) * tokens)),
  };
}
