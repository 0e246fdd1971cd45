import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { FloatArray } from "@dlrt/core";
import { allocate, type Problem, type Request } from "./problem.js";

/** A seeded stream: the same seed gives the same numbers on every machine. */
export class Random {
  readonly #generator;
  #spare = Number.NaN;

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed | 0);
  }

  /** In [0, 1). */
  uniform(): number {
    return uniformFloat64(this.#generator);
  }

  /** Standard normal, by Marsaglia's polar method. */
  normal(): number {
    if (!Number.isNaN(this.#spare)) {
      const spare = this.#spare;
      this.#spare = Number.NaN;
      return spare;
    }
    let u: number;
    let v: number;
    let s: number;
    do {
      u = 2 * this.uniform() - 1;
      v = 2 * this.uniform() - 1;
      s = u * u + v * v;
    } while (s >= 1 || s === 0);
    const scale = Math.sqrt((-2 * Math.log(s)) / s);
    this.#spare = v * scale;
    return u * scale;
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

/**
 * DeltaNet on random data: unit keys, β uniform in (0, 1), Q = βK, right-hand side βV. Any two keys of a batch
 * entry have an expected cosine of `correlation`.
 */
function deltaNet(request: Request, correlation: number, about: string): Problem {
  const { batch, n, r, p, seed } = request;
  const { q, k, b, ...rest } = allocate(request);
  const random = new Random(seed);
  const common = new Float64Array(r);
  const [shared, own] = [Math.sqrt(correlation), Math.sqrt(1 - correlation)];
  for (let row = 0; row < batch * n; row++) {
    if (row % n === 0) {
      random.fillNormal(common, 1);
      normalise(common, 0, r);
    }
    for (let a = 0; a < r; a++) k[row * r + a] = shared * common[a]! + (own * random.normal()) / Math.sqrt(r);
    normalise(k, row * r, r);
    const beta = random.uniform();
    for (let a = 0; a < r; a++) q[row * r + a] = beta * k[row * r + a]!;
    for (let j = 0; j < p; j++) b[row * p + j] = beta * random.normal();
  }
  return { ...rest, q, k, b, about };
}

export function randomKeys(request: Request): Problem {
  return deltaNet(request, 0, "unit keys, random directions; β uniform in (0, 1)");
}

export function correlatedKeys(request: Request): Problem {
  return deltaNet(request, 0.9, "unit keys of expected cosine 0.9; β uniform in (0, 1)");
}
