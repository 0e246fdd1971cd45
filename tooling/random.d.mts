/** Returns a function that draws numbers uniformly from [0, 1), the same ones for the same seed. */
export function uniformFrom(seed: number): () => number;

/** Returns a function that draws numbers uniformly from [−1, 1), the same ones for the same seed. */
export function randomFrom(seed: number): () => number;

/** Numbers of several distributions, the same ones for the same seed. */
export class Random {
  constructor(seed: number);
  /** Uniform on [low, high), by default on [0, 1). */
  uniform(low?: number, high?: number): number;
  /** Uniform on the integers low, …, high. */
  integer(low: number, high: number): number;
  /** Standard normal. */
  normal(): number;
  /** `count` standard normal numbers, times `scale`. */
  normals(count: number, scale?: number): Float64Array;
}
