import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { FloatArray } from "@dlrt/core";

/** Numbers that follow from a seed alone, the same on every machine. */
export class Random {
  readonly #generator: ReturnType<typeof xoroshiro128plus>;
  #spare: number | undefined;

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
    for (let i = 0; i < 16; i++) this.#generator.next(); // neighbouring seeds start alike
  }

  /** [0, 1), 32 bits */
  uniform(): number {
    return (this.#generator.next() >>> 0) / 2 ** 32;
  }

  /** An integer, both ends included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.uniform() * (high - low + 1));
  }

  /** N(0, 1), by Box and Muller */
  normal(): number {
    const spare = this.#spare;
    if (spare !== undefined) {
      this.#spare = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  pick<E>(from: readonly E[]): E {
    return from[this.integer(0, from.length - 1)]!;
  }

  fillNormal<A extends FloatArray>(into: A, scale = 1): A {
    for (let i = 0; i < into.length; i++) into[i] = scale * this.normal();
    return into;
  }
}
