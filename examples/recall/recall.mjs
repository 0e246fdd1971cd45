// The task: pairs of a key and a value, in which keys come again and again, and then the question which value each key had last.

/** Returns a function that draws numbers from 0 to 1 from a seed (mulberry32). */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const TASK = { keys: 8, values: 16, pairs: 32 };

/** Returns the number of tokens of a sequence: two for each pair, then a question for every key. */
export const tokensOf = ({ keys, pairs }) => 2 * pairs + keys;

/** Returns the number of different tokens. Keys are the tokens 0 to keys − 1, and values those after them. */
export const vocabularyOf = ({ keys, values }) => keys + values;

const integer = (random, below) => Math.floor(random() * below);

/** Returns the numbers from 0 to count − 1 in random order. */
function shuffled(random, count) {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = integer(random, i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/**
 * Draws a sequence. Every key is written at least once, and overwritten pairs / keys − 1 times on average.
 * @returns the pairs [key, value], the keys in the order of the questions, and for each of these its last value
 */
export function sequenceOf(random, task) {
  const { keys, values, pairs } = task;
  const written = shuffled(random, keys);
  while (written.length < pairs) written.push(integer(random, keys));
  const order = shuffled(random, pairs).map((i) => written[i]);
  const list = order.map((key) => [key, integer(random, values)]);
  const last = new Map(list);
  const questions = shuffled(random, keys);
  return { pairs: list, questions, answers: questions.map((key) => last.get(key)) };
}

/** Draws the sequence that the page shows, which training sees only by chance. */
export const shownSequence = (task) => sequenceOf(randomFrom(20_260_601), task);

/** Draws a batch. @returns tokens [batch · T] and answers [batch · keys], as Int32Array */
export function batchOf(random, task, batch) {
  const [T, { keys, pairs }] = [tokensOf(task), task];
  const tokens = new Int32Array(batch * T);
  const answers = new Int32Array(batch * keys);
  for (let b = 0; b < batch; b++) {
    const sequence = sequenceOf(random, task);
    sequence.pairs.forEach(([key, value], i) => tokens.set([key, keys + value], b * T + 2 * i));
    tokens.set(sequence.questions, b * T + 2 * pairs);
    answers.set(sequence.answers, b * keys);
  }
  return { tokens, answers };
}
