/** Returns a function that draws numbers from −1 to 1 from a seed (mulberry32). */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

/** Draws the tokens that go in, [1, T, D]. */
export function inputOf({ tokens, width, seed = 1 }) {
  const random = randomFrom(seed + 1);
  return Float32Array.from({ length: tokens * width }, () => random());
}
