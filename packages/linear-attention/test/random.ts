import { randomFrom } from "../../../tooling/random.mjs";

/** Draws an array of numbers from −1 to 1 that are float32, so that they are the same in both dtypes. */
export function numbers(size: number, seed: number): Float64Array {
  const next = randomFrom(seed);
  return Float64Array.from({ length: size }, () => Math.fround(next()));
}
