// The other operations of the model, each with its way back: most are calls of @dlrt/linear-attention and of its Vjp.
import * as layers from "@dlrt/linear-attention";

/** Gives every input of a call of @dlrt/linear-attention the gradient that its Vjp has for it. */
function giveAll(tape, inputs, gradients) {
  for (const [name, gradient] of Object.entries(gradients)) tape.give(inputs[name], gradient);
}

const tensorsOf = (inputs) =>
  Object.fromEntries(Object.entries(inputs).map(([name, { tensor }]) => [name, tensor]));

/** A function of @dlrt/linear-attention with one result, by its name. */
function piece(name) {
  return (tape, inputs, options) => {
    const tensors = tensorsOf(inputs);
    const result = layers[name](tape.backend, tensors, options);
    return tape.record(result, (output) =>
      giveAll(tape, inputs, layers[`${name}Vjp`](tape.backend, tensors, { output }, options)),
    );
  };
}

const norm = piece("gatedRmsNorm");
/** eps as flash-linear-attention has it. */
export const gatedRmsNorm = (tape, inputs, options) => norm(tape, inputs, { eps: 1e-5, ...options });
export const gdnGate = piece("gdnGate");
export const betaGate = piece("betaGate");

/** @param memory a tensor [B, k − 1, C] of the tokens before, which then holds the last ones; absent: there were none */
export function causalConv(tape, inputs, memory) {
  const tensors = tensorsOf(inputs);
  const options = { activation: "silu" };
  const states = memory && { initialState: memory, finalState: memory };
  const { output } = layers.causalConv(tape.backend, tensors, { ...options, ...states });
  return tape.record(output, (bar) =>
    giveAll(tape, inputs, layers.causalConvVjp(tape.backend, tensors, { output: bar }, options)),
  );
}

/**
 * Gated DeltaNet's token mixer, or DeltaNet's where there is no decay.
 * @param {layers.State} state of the tokens before, which then goes on by these; absent: there were none
 */
export function deltaRule(tape, inputs, heads, state) {
  const name = inputs.decay ? "gatedDeltaRule" : "deltaRule";
  const tensors = tensorsOf(inputs);
  const options = { heads: { query: heads }, normalizeKeys: true };
  const output = state
    ? state.step(layers[name], tensors, options)
    : layers[name](tape.backend, tensors, options).output;
  return tape.record(output, (bar) =>
    giveAll(tape, inputs, layers[`${name}Vjp`](tape.backend, tensors, { output: bar }, options)),
  );
}

/** `count` columns of [B, T, C] from `first` on: a view, and on the way back its place among the others. */
export function columns(tape, x, first, count) {
  const [B, T, C] = x.tensor.shape;
  const view = tape.backend.view(x.tensor, [B, T, count], { ...x.tensor.layout, offset: first });
  return tape.record(view, (bar) => {
    x.bar ??= tape.zeros([B, T, C]);
    const [to, from] = [x.bar.data, bar.data];
    for (let row = 0; row < B * T; row++)
      for (let c = 0; c < count; c++) to[row * C + first + c] += from[row * count + c];
  });
}

/** SiLU of the first half of the columns times the second: [B, T, 2 C] to [B, T, C]. */
export function swiGlu(tape, x) {
  const [B, T, C2] = x.tensor.shape;
  const C = C2 / 2;
  const out = tape.empty([B, T, C]);
  const sigmas = new Float64Array(B * T * C);
  const [from, to] = [x.tensor.data, out.data];
  for (let i = 0, at = 0; i < sigmas.length; at += C) {
    for (const end = i + C; i < end; i++, at++) {
      const gate = from[at];
      sigmas[i] = 1 / (1 + Math.exp(-gate));
      to[i] = gate * sigmas[i] * from[at + C];
    }
  }
  return tape.record(out, (bar) => {
    const back = tape.empty(x.tensor.shape);
    const [given, gradient, into] = [x.tensor.data, bar.data, back.data];
    for (let i = 0, at = 0; i < sigmas.length; at += C) {
      for (const end = i + C; i < end; i++, at++) {
        const gate = given[at];
        const sigma = sigmas[i];
        into[at] = gradient[i] * given[at + C] * sigma * (1 + gate * (1 - sigma));
        into[at + C] = gradient[i] * gate * sigma;
      }
    }
    tape.give(x, back);
  });
}

/** A row of the table for every token: numbers [B·T] to [B, T, C]. */
export function embed(tape, table, numbers, [B, T]) {
  const C = table.tensor.shape[2];
  const out = tape.empty([B, T, C]);
  const [rows, to] = [table.tensor.data, out.data];
  numbers.forEach((number, i) => to.set(rows.subarray(number * C, (number + 1) * C), i * C));
  return tape.record(out, (bar) => {
    const back = tape.zeros(table.tensor.shape);
    const [into, from] = [back.data, bar.data];
    numbers.forEach((number, i) => {
      for (let c = 0; c < C; c++) into[number * C + c] += from[i * C + c];
    });
    tape.give(table, back);
  });
}

/**
 * Nats that each target takes, by the logits before it; with a tape that has gradients the way back begins here, from their mean.
 * @param {Uint8Array} targets one for each row of the logits
 * @returns {Float64Array}
 */
export function crossEntropy(tape, logits, targets) {
  const size = logits.tensor.shape[2];
  const nats = new Float64Array(targets.length);
  const exps = new Float64Array(size);
  const bar = tape.gradients ? tape.empty(logits.tensor.shape) : undefined;
  const [from, into] = [logits.tensor.data, bar?.data];
  targets.forEach((target, row) => {
    const at = row * size;
    let [most, sum] = [-Infinity, 0];
    for (let c = 0; c < size; c++) most = Math.max(most, from[at + c]);
    for (let c = 0; c < size; c++) sum += exps[c] = Math.exp(from[at + c] - most);
    nats[row] = Math.log(sum) + most - from[at + target];
    if (!into) return;
    for (let c = 0; c < size; c++) into[at + c] = exps[c] / (sum * targets.length);
    into[at + target] -= 1 / targets.length;
  });
  if (bar) tape.give(logits, bar);
  return nats;
}
