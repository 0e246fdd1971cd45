import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { FloatArray } from "@dlrt/core";

/** A seeded stream: the same seed gives the same numbers on every machine. */
export class Random {
  readonly #generator;
  #spare: number | undefined;

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed | 0);
  }

  /** In [0, 1). */
  uniform(): number {
    return uniformFloat64(this.#generator);
  }

  /** Standard normal, by Marsaglia's polar method, which makes two numbers at a time. */
  normal(): number {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined) return spare;
    for (;;) {
      const u = 2 * this.uniform() - 1;
      const v = 2 * this.uniform() - 1;
      const s = u * u + v * v;
      if (s >= 1 || s === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(s)) / s);
      this.#spare = v * scale;
      return u * scale;
    }
  }

  fillNormal(to: FloatArray, scale: number): void {
    for (let i = 0; i < to.length; i++) to[i] = this.normal() * scale;
  }
}

/** Scales the row to unit length; a zero row stays. */
export function normalise(x: FloatArray, start: number, length: number): void {
  let squares = 0;
  for (let j = start; j < start + length; j++) squares += x[j]! * x[j]!;
  const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
  for (let j = start; j < start + length; j++) x[j] = x[j]! * scale;
}
