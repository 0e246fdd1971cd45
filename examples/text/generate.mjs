// Writing on, a character at a time: states of fixed size, whatever the length.

/** A number by the probabilities of its logits at a temperature. */
function draw(logits, temperature, random) {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = Array.from(logits, (x) => Math.exp((x - most) / temperature));
  let left = random() * weights.reduce((sum, x) => sum + x, 0);
  const chosen = weights.findIndex((weight) => (left -= weight) <= 0);
  return chosen < 0 ? weights.indexOf(Math.max(...weights)) : chosen;
}

/**
 * The prompt in one pass, and then token by token; ends at the end of a file.
 * @param {Uint8Array} prompt
 * @returns {{ numbers: Uint8Array, logits: Float32Array[] }} prompt and what follows, and the logits after each but the last
 */
export function generate(model, prompt, { count, temperature = 0.7, random }) {
  const { size } = model.sizes;
  const memory = model.remember(1);
  const numbers = [...prompt];
  const all = model.logits(prompt, [1, prompt.length], memory);
  const logits = Array.from(prompt, (_, t) => all.slice(t * size, (t + 1) * size));
  try {
    for (let i = 0; i < count; i++) {
      const next = draw(logits.at(-1), temperature, random);
      if (next === 0) break;
      numbers.push(next);
      if (i < count - 1) logits.push(model.logits(Uint8Array.of(next), [1, 1], memory));
    }
    return { numbers: Uint8Array.from(numbers), logits };
  } finally {
    memory.dispose();
  }
}

/** The largest difference of these logits from those of all tokens in one pass without a state. */
export function differenceFromOnePass(model, { numbers, logits }) {
  const { size } = model.sizes;
  const whole = model.logits(numbers.subarray(0, logits.length), [1, logits.length]);
  return logits.reduce(
    (most, row, t) => row.reduce((m, x, c) => Math.max(m, Math.abs(x - whole[t * size + c])), most),
    0,
  );
}
