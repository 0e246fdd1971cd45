// The task: pairs of a key and a value, keys again and again, and then the question which value each key had last.

/** Numbers from 0 to 1, from a seed (mulberry32). */
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

/** Tokens of a sequence: two a pair, then a question for every key. */
export const tokensOf = ({ keys, pairs }) => 2 * pairs + keys;

/** Keys are tokens 0 to keys − 1, and values those after them. */
export const vocabularyOf = ({ keys, values }) => keys + values;

const integer = (random, below) => Math.floor(random() * below);

/** The numbers from 0 to count − 1 in any order. */
function shuffled(random, count) {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = integer(random, i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/**
 * One sequence. Every key is written at least once, and overwritten on average pairs / keys − 1 times.
 * @returns pairs [key, value], the keys in the order of the questions, and for each of these its last value
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

/** The sequence that the page looks at: one that no training sees, but by chance. */
export const shownSequence = (task) => sequenceOf(randomFrom(20_260_601), task);

/** @returns tokens [batch · T] and answers [batch · keys], as Int32Array */
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
