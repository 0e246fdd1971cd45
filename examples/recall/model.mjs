// A model of one block, a token mixer and a small network, between an embedding and a product that gives the logits.
import {
  betaGate,
  causalConv,
  deltaRule,
  embedding,
  gatedRmsNorm,
  linear,
  linearAttention,
} from "@dlrt/tfjs";
import * as tf from "@tensorflow/tfjs";
import { tokensOf, vocabularyOf } from "./recall.mjs";

export const SIZES = { width: 64, heads: 2, inner: 184, taps: 4 };

/** Computes softmax attention of [B, T, heads·D]. A key that is d tokens back has d times a slope of its head less in its logit. */
function softmaxAttention({ query, key, value, slope }, heads) {
  const [B, T, columns] = query.shape;
  const apart = (x) => x.reshape([B, T, heads, columns / heads]).transpose([0, 2, 1, 3]);
  const row = tf.range(0, T).expandDims(1);
  const back = row.sub(row.transpose()); // [T, T], how far key j is behind query i
  const masked = back.less(0).cast("float32").mul(-1e9);
  const bias = masked.sub(back.relu().mul(slope.reshape([heads, 1, 1])));
  const scale = 1 / Math.sqrt(columns / heads);
  const logits = tf.matMul(apart(query), apart(key), false, true).mul(scale).add(bias);
  const mixed = tf.matMul(tf.softmax(logits), apart(value));
  return mixed.transpose([0, 2, 1, 3]).reshape([B, T, columns]);
}

/** The three mixers that are compared. Each takes query, key and value [B, T, width], and may return its final state. */
export const MIXERS = {
  "delta rule": (backend, { query, key, value, beta }, { heads }, finalState) =>
    deltaRule(
      backend,
      { query, key, value, beta },
      { heads: { query: heads }, normalizeKeys: true, finalState },
    ),
  "linear attention": (backend, { query, key, value }, { heads }, finalState) =>
    linearAttention(
      backend,
      { query, key, value },
      { heads: { query: heads }, normalizeKeys: true, finalState },
    ),
  "softmax attention": (_, inputs, { heads }) => ({ output: softmaxAttention(inputs, heads) }),
};

/** Returns the parameters by name: [shape, standard deviation], or [shape, constant, true]. */
function parametersOf({ width, heads, inner, taps }, vocabulary, mixer) {
  const fanIn = (rows, cols) => [[rows, cols], 1 / Math.sqrt(rows)];
  const ones = (...shape) => [shape, 1, true];
  return {
    embedding: [[vocabulary, width], 1],
    norm: ones(width),
    qkv: fanIn(width, 3 * width),
    conv: [[3 * width, 1, taps], 1 / Math.sqrt(taps)],
    ...(mixer === "delta rule" && { beta: fanIn(width, heads) }),
    ...(mixer === "softmax attention" && { slope: [[heads], 0.1, true] }),
    outNorm: ones(width / heads),
    out: fanIn(width, width),
    innerNorm: ones(width),
    up: fanIn(width, inner),
    down: fanIn(inner, width),
    lastNorm: ones(width),
    logits: fanIn(width, vocabulary),
  };
}

/**
 * Makes a model with parameters of its own, which are drawn from `seed`.
 * @param mixer is a name of `MIXERS`
 * @param backend is one of @dlrt/core, which computes the mixer, the convolution and the norms
 */
export function createModel({ mixer, backend, task, sizes = SIZES, seed = 1 }) {
  const { width, heads } = sizes;
  const list = Object.entries(parametersOf(sizes, vocabularyOf(task), mixer));
  const weights = Object.fromEntries(
    list.map(([name, [shape, size, constant]], i) => {
      const value = constant
        ? tf.fill(shape, size)
        : tf.randomNormal(shape, 0, size, "float32", 1000 * seed + i);
      const variable = tf.variable(value);
      value.dispose();
      return [name, variable];
    }),
  );
  const norm = (x, weight, count = 1) => gatedRmsNorm(backend, { x, weight }, { heads: count });

  /** Computes the output of the mixer from tokens [B, T], and where asked its final state. */
  function mix(tokens, finalState = false) {
    const x = embedding(tokens, weights.embedding);
    const normed = norm(x, weights.norm);
    const projected = linear(normed, weights.qkv);
    const conv = causalConv(backend, { x: projected, weight: weights.conv }, { activation: "silu" });
    const [query, key, value] = tf.split(conv.output, 3, 2);
    const beta = weights.beta && betaGate(backend, { b: linear(normed, weights.beta) });
    const inputs = { query, key, value, beta, slope: weights.slope };
    return { x, ...MIXERS[mixer](backend, inputs, { heads }, finalState) };
  }

  /** Computes the logits at the last `count` tokens of each sequence, [B, count, vocabulary], since no others are asked for. */
  function logits(tokens, count = task.keys) {
    const [B, T] = tokens.shape;
    const { x, output } = mix(tokens);
    const last = (t) => t.slice([0, T - count, 0], [B, count, width]);
    const mixed = last(x).add(linear(norm(last(output), weights.outNorm, heads), weights.out));
    const inside = linear(norm(mixed, weights.innerNorm), weights.up);
    const y = mixed.add(linear(inside.mul(inside.sigmoid()), weights.down));
    return linear(norm(y, weights.lastNorm), weights.logits);
  }

  /** Computes the mean cross-entropy of the answers, [B, keys], in nats. */
  function loss(tokens, answers) {
    const all = logits(tokens).reshape([-1, vocabularyOf(task)]);
    const ids = answers.reshape([-1]).add(tf.scalar(task.keys, "int32"));
    return tf.losses.softmaxCrossEntropy(tf.oneHot(ids, vocabularyOf(task)), all);
  }

  return {
    weights,
    parameters: Object.values(weights).reduce((sum, { size }) => sum + size, 0),
    tokens: tokensOf(task),
    mix,
    logits,
    loss,
    dispose: () => tf.dispose(weights),
  };
}
