/** Returns a function that draws numbers from −1 to 1 from a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

/** Draws an array of numbers from −1 to 1 that are float32, so that they are the same in both dtypes. */
export function numbers(size: number, seed: number): Float64Array {
  const next = randomFrom(seed);
  return Float64Array.from({ length: size }, () => Math.fround(next()));
}
