import * as tf from "@tensorflow/tfjs";
import { batchOf, randomFrom, tokensOf } from "./recall.mjs";

/** Returns the tokens and answers of a batch as tensors. */
function tensorsOf({ tokens, answers }, task, batch) {
  return [
    tf.tensor2d(tokens, [batch, tokensOf(task)], "int32"),
    tf.tensor2d(answers, [batch, task.keys], "int32"),
  ];
}

/** Returns the share of questions that are answered rightly, on sequences that training has not seen. */
export async function accuracyOf(model, task, { seed, batch = 32, batches = 8 }) {
  const random = randomFrom(seed);
  let right = 0;
  for (let i = 0; i < batches; i++) {
    const { tokens, answers } = batchOf(random, task, batch);
    const best = tf.tidy(() =>
      model.logits(tf.tensor2d(tokens, [batch, tokensOf(task)], "int32")).argMax(-1),
    );
    const found = await best.data();
    best.dispose();
    right += answers.filter((answer, j) => found[j] === task.keys + answer).length;
  }
  return right / (batches * batch * task.keys);
}

/**
 * Trains a model by Adam, with a learning rate that falls along a cosine to a twentieth.
 * @param onProgress is called every `every` steps with { step, steps, loss, accuracy, seconds }, of which loss is that of the last batch, in nats
 * @param signal is an AbortSignal; an abort rejects with its reason, and the model keeps what it has learned so far
 */
export async function train(
  model,
  task,
  { steps = 400, batch = 32, rate = 5e-3, warmup = 20, seed = 1, every = 20, onProgress, signal } = {},
) {
  const optimizer = tf.train.adam(rate);
  const random = randomFrom(seed);
  const variables = Object.values(model.weights);
  const start = performance.now();
  try {
    for (let step = 1; step <= steps; step++) {
      signal?.throwIfAborted();
      const falling = 0.05 + 0.95 * (0.5 + 0.5 * Math.cos((Math.PI * step) / steps));
      optimizer.learningRate = rate * Math.min(falling, step / warmup);
      const [tokens, answers] = tensorsOf(batchOf(random, task, batch), task, batch);
      const told = step % every === 0 || step === steps;
      const value = optimizer.minimize(() => model.loss(tokens, answers), true, variables);
      tf.dispose([tokens, answers]);
      if (told) {
        const [loss] = await value.data();
        const accuracy = await accuracyOf(model, task, { seed: seed + 1e6, batches: 2 });
        onProgress?.({ step, steps, loss, accuracy, seconds: (performance.now() - start) / 1000 });
      }
      value.dispose();
      if (step % 4 === 0) await pause();
    }
  } finally {
    optimizer.dispose();
  }
}

/** Lets timers, messages and the page have their turn. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 0));
