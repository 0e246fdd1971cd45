// Asks a model for its answers while pairs are being written, and reads its state.
import * as tf from "@tensorflow/tfjs";
import { tokensOf } from "./recall.mjs";

/** Returns the tokens of the first `count` pairs. */
const written = ({ pairs }, task, count) =>
  pairs.slice(0, count).flatMap(([key, value]) => [key, task.keys + value]);

/**
 * Asks for every key after every pair. Row p of the batch has p + 1 pairs, then the questions, and then tokens that fill it up, which change no
 * answer, because a token sees only those before it.
 * @returns { pair, key, kind } for each, where the answer is the "last" value, one from "before" it, an "other" one, or "none" as long as the
 * key has no value
 */
export async function answersOverTime(model, task, sequence) {
  const { keys, pairs: count } = task;
  const T = tokensOf(task);
  const questions = Array.from({ length: keys }, (_, key) => key);
  const rows = sequence.pairs.map((_, p) => {
    const row = [...written(sequence, task, p + 1), ...questions];
    return [...row, ...Array.from({ length: T - row.length }, () => 0)];
  });
  const best = tf.tidy(() => {
    const logits = model.logits(tf.tensor2d(rows, [count, T], "int32"), T);
    return logits.slice([0, 0, keys], [count, T, task.values]).argMax(-1);
  });
  const found = await best.data();
  best.dispose();
  return sequence.pairs.flatMap((_, p) =>
    questions.map((key) => {
      const values = sequence.pairs.slice(0, p + 1).flatMap(([k, value]) => (k === key ? [value] : []));
      const answer = found[p * T + 2 * (p + 1) + key];
      if (values.length === 0) return { pair: p, key, kind: "none" };
      const kind = answer === values.at(-1) ? "last" : values.includes(answer) ? "before" : "other";
      return { pair: p, key, kind };
    }),
  );
}

/** Returns the state of the first head after every pair, K × V row by row, or undefined for a mixer without a state. */
export async function statesOverTime(model, task, sequence) {
  const states = [];
  for (let p = 1; p <= task.pairs; p++) {
    const state = tf.tidy(() => {
      const tokens = written(sequence, task, p);
      const { finalState } = model.mix(tf.tensor2d([tokens], [1, tokens.length], "int32"), true);
      return finalState?.slice([0, 0, 0], [1, -1, -1]);
    });
    if (state === undefined) return undefined;
    states.push(await state.data());
    state.dispose();
  }
  return states;
}
