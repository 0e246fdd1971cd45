// What one has without a network: interpolated Kneser–Ney models of the characters (Chen and Goodman, 1998, with their three discounts).

/** Numbers are below 256, so that six of them are one integer that a double holds exactly. */
const BASE = 256;

/**
 * Calls `use` with the n numbers that end at each character as one integer. Before a file there are starts, number 0, which
 * are not guessed.
 */
function eachGram(stream, n, use) {
  const most = BASE ** (n - 1);
  let gram = 0;
  for (const number of stream) {
    gram = number === 0 ? 0 : (gram % most) * BASE + number;
    if (number !== 0) use(gram);
  }
}

function countGrams(stream, n) {
  const counts = new Map();
  eachGram(stream, n, (gram) => counts.set(gram, (counts.get(gram) ?? 0) + 1));
  return counts;
}

/** For every n − 1 numbers: how many different ones stand before them. Those are the counts of all orders but the highest. */
function countContinuations(longer, n) {
  const counts = new Map();
  const most = BASE ** (n - 1);
  for (const gram of longer.keys()) counts.set(gram % most, (counts.get(gram % most) ?? 0) + 1);
  return counts;
}

/** What is taken off a count of 0, 1, 2, and 3 or more. */
function discountsOf(counts) {
  const times = [0, 0, 0, 0, 0];
  for (const count of counts.values()) if (count < 5) times[count]++;
  const y = times[1] / (times[1] + 2 * times[2] || 1);
  const discount = (c) => Math.max(0, c - ((c + 1) * y * times[c + 1]) / (times[c] || 1));
  return [0, discount(1), discount(2), discount(3)];
}

/** Of every context: the sum of its counts, and what the discounts leave over for the next shorter context. */
function contextsOf(counts, discounts) {
  const contexts = new Map();
  for (const [gram, count] of counts) {
    const context = Math.floor(gram / BASE);
    const sums = contexts.get(context) ?? { total: 0, left: 0 };
    sums.total += count;
    sums.left += discounts[Math.min(count, 3)];
    contexts.set(context, sums);
  }
  return contexts;
}

/**
 * @param {Uint8Array} stream files to learn from, each with a start before it
 * @param {number} order n: a character is guessed from the n − 1 before it, at most 6
 * @param {number} size of the alphabet
 * @returns {(stream: Uint8Array) => number} bits a character of other files
 */
export function kneserNey(stream, order, size) {
  const orders = [];
  for (let n = order, counts = countGrams(stream, n); n >= 1; counts = countContinuations(counts, n--)) {
    const discounts = discountsOf(counts);
    orders.unshift({ counts, discounts, contexts: contextsOf(counts, discounts), most: BASE ** n });
  }
  const probability = (gram) => {
    let p = 1 / size;
    for (const { counts, discounts, contexts, most } of orders) {
      const own = gram % most;
      const sums = contexts.get(Math.floor(own / BASE));
      if (sums === undefined) break;
      const count = counts.get(own) ?? 0;
      p = (count - discounts[Math.min(count, 3)] + sums.left * p) / sums.total;
    }
    return p;
  };
  return (other) => {
    let [bits, count] = [0, 0];
    eachGram(other, order, (gram) => {
      bits -= Math.log2(probability(gram));
      count++;
    });
    return bits / count;
  };
}
