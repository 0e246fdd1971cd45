import { newFloatArray, type Dtype, type FloatArray, type Shape, type Sizes } from "@dlrt/core";
import { Random } from "./random.js";

/** Operator, right-hand side and initial state, rounded to the dtype: what both the backend and the reference see. */
export interface Problem {
  readonly family: string;
  readonly dtype: Dtype;
  readonly sizes: Sizes;
  readonly seed: number;
  /** λ, batch·n */
  readonly diag: FloatArray;
  /** batch·n·r */
  readonly q: FloatArray;
  /** batch·n·r */
  readonly k: FloatArray;
  /** B or X, batch·n·p */
  readonly rhs: FloatArray;
  /** Z₀, batch·r·p */
  readonly state: FloatArray;
}

/** One batch entry's Λ, Q, K before rounding. */
interface Draw {
  readonly diag: Float64Array;
  readonly q: Float64Array;
  readonly k: Float64Array;
}

/** Makes one batch entry's keys, one a call. */
type KeysOf = (random: Random, r: number) => () => Float64Array;

type Family = (random: Random, n: number, r: number) => Draw;

function draw(n: number, r: number): Draw {
  return {
    diag: new Float64Array(n).fill(1),
    q: new Float64Array(n * r),
    k: new Float64Array(n * r),
  };
}

function normalise(row: Float64Array): Float64Array {
  let sum = 0;
  for (const x of row) sum += x * x;
  const length = Math.sqrt(sum);
  return length === 0 ? row : row.map((x) => x / length);
}

function unitKey(random: Random, r: number): Float64Array {
  return normalise(random.fillNormal(new Float64Array(r)));
}

const unitKeys: KeysOf = (random, r) => () => unitKey(random, r);

/** Λ = I, q_i = β_i k_i: DeltaNet. */
function deltaNet(keysOf: KeysOf, beta?: number): Family {
  return (random, n, r) => {
    const { diag, q, k } = draw(n, r);
    const nextKey = keysOf(random, r);
    for (let i = 0; i < n; i++) {
      const key = nextKey();
      k.set(key, i * r);
      const scale = beta ?? 2 * random.uniform();
      for (let l = 0; l < r; l++) q[i * r + l] = scale * key[l]!;
    }
    return { diag, q, k };
  };
}

/** k_i = normalised √ρ·common + √(1 − ρ)·own: keys whose cosine is about ρ. */
function correlated(rho: number): Family {
  return deltaNet((random, r) => {
    const common = unitKey(random, r);
    return () =>
      normalise(unitKey(random, r).map((own, l) => Math.sqrt(1 - rho) * own + Math.sqrt(rho) * common[l]!));
  });
}

function repeated(count: number, beta?: number): Family {
  return deltaNet((random, r) => {
    const keys = Array.from({ length: count }, () => unitKey(random, r));
    return () => random.pick(keys);
  }, beta);
}

/** λ of both signs over three octaves, Q ≠ K, |q·k| about `strength`·|λ|. */
function general(strength: (n: number) => number): Family {
  return (random, n, r) => {
    const { diag, q, k } = draw(n, r);
    const scale = Math.sqrt(strength(n) / Math.sqrt(Math.max(r, 1)));
    random.fillNormal(k, scale);
    for (let i = 0; i < n; i++) {
      const lambda = (random.uniform() < 0.5 ? -1 : 1) * 2 ** (3 * random.uniform() - 1.5);
      diag[i] = lambda;
      for (let l = 0; l < r; l++) q[i * r + l] = lambda * scale * random.normal();
    }
    return { diag, q, k };
  };
}

/** Nothing negative, n·q·k about 4: sums grow with every row, and roundings that all go one way with them. */
function oneSign(random: Random, n: number, r: number): Draw {
  const { diag, q, k } = draw(n, r);
  const scale = 4 / Math.sqrt(Math.max(n * r, 1));
  for (const part of [q, k]) for (let at = 0; at < part.length; at++) part[at] = scale * random.uniform();
  return { diag, q, k };
}

export type FamilyName =
  | "delta-net"
  | "correlated .5"
  | "correlated .9"
  | "correlated .99"
  | "repeated keys"
  | "identical keys, β = 2"
  | "general Λ"
  | "growth"
  | "one sign";

const families: Record<FamilyName, Family> = {
  "delta-net": deltaNet(unitKeys),
  "correlated .5": correlated(0.5),
  "correlated .9": correlated(0.9),
  "correlated .99": correlated(0.99),
  "repeated keys": repeated(8),
  "identical keys, β = 2": repeated(1, 2),
  "general Λ": general((n) => 1 / Math.sqrt(Math.max(n, 1))),
  growth: general(() => 0.7),
  "one sign": oneSign,
};

const allNames = Object.keys(families) as FamilyName[];

/**
 * The families that every accuracy gate runs over. "one sign" has cases of its own, in f32: the judge sums in float64
 * without more care than a backend.
 */
export const familyNames: readonly FamilyName[] = allNames.filter((name) => name !== "one sign");

/** Families whose answers leave the range of the dtype when n is large; judged up to the row where they do. */
export const growing: ReadonlySet<string> = new Set<FamilyName>(["growth"]);

/** The problem that family, sizes, dtype and seed stand for. */
export function makeProblem(family: FamilyName, sizes: Sizes, dtype: Dtype, seed: number): Problem {
  const { batch, n, r, p } = sizes;
  const random = new Random(seed);
  const diag = newFloatArray(dtype, batch * n);
  const q = newFloatArray(dtype, batch * n * r);
  const k = newFloatArray(dtype, batch * n * r);
  for (let entry = 0; entry < batch; entry++) {
    const one = families[family](random, n, r);
    diag.set(one.diag, entry * n);
    q.set(one.q, entry * n * r);
    k.set(one.k, entry * n * r);
  }
  const rhs = random.fillNormal(newFloatArray(dtype, batch * n * p));
  const state = random.fillNormal(newFloatArray(dtype, batch * r * p));
  if (family === "one sign") {
    for (const part of [rhs, state]) part.forEach((value, at) => (part[at] = Math.abs(value)));
  }
  return { family, dtype, sizes, seed, diag, q, k, rhs, state };
}

/** What a report or a failure says about a problem: enough to make it again. */
export function nameOf({
  family,
  dtype,
  sizes,
  seed,
}: Omit<Problem, "diag" | "q" | "k" | "rhs" | "state">): string {
  const { batch, n, r, p } = sizes;
  return `${family}, ${dtype}, batch ${batch}, n ${n}, r ${r}, p ${p}, seed ${seed}`;
}

/** The shapes of a problem's arrays. */
export function shapesOf({ batch, n, r, p }: Sizes): Record<"diag" | "factor" | "rhs" | "state", Shape> {
  return { diag: [batch, n, 1], factor: [batch, n, r], rhs: [batch, n, p], state: [batch, r, p] };
}
