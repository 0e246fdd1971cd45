// Random numbers of tests: from a seed, the same on every machine. They are at home here because core's tests draw them too, and core
// lies below @dlrt/conformance, whose own generator is published with it.

/** Whole numbers from 0 to 2³² − 1 (mulberry32). */
function wordsFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

export function uniformFrom(seed) {
  const next = wordsFrom(seed);
  return () => next() / 2 ** 32;
}

export function randomFrom(seed) {
  const next = wordsFrom(seed);
  return () => next() / 2 ** 31 - 1;
}

export class Random {
  #next;

  constructor(seed) {
    this.#next = uniformFrom(seed);
  }

  uniform(low = 0, high = 1) {
    return low + (high - low) * this.#next();
  }

  integer(low, high) {
    return Math.floor(this.uniform(low, high + 1));
  }

  /** By Box and Muller. */
  normal() {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  normals(count, scale = 1) {
    return Float64Array.from({ length: count }, () => scale * this.normal());
  }
}
