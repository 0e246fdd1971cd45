/** Families of operators, one batch entry at a time: those that layers make, and those on which ways of computing go wrong. */
import type { Random } from "./random.js";

/** Λ, Q and K of one batch entry, before rounding. */
export interface Draw {
  readonly diag: Float64Array;
  readonly q: Float64Array;
  readonly k: Float64Array;
  /** For each row the first row that holds the same token; their rows of the right-hand side are then equal too. */
  readonly firstOf?: Int32Array;
  /** Whether nothing of the right-hand side and the state is negative. */
  readonly positive?: boolean;
}

/** Makes the keys of one batch entry, one in each call. */
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

/** Makes what a DeltaNet layer has: Λ = I and q_i = β_i k_i, with β drawn from [0, 2) unless it is given. */
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

/** Makes keys whose cosine is about ρ: each is √ρ·common + √(1 − ρ)·own, normalised. */
function correlated(rho: number): Family {
  return deltaNet((random, r) => {
    const common = unitKey(random, r);
    return () =>
      normalise(unitKey(random, r).map((own, l) => Math.sqrt(1 - rho) * own + Math.sqrt(rho) * common[l]!));
  });
}

/** Returns ±2^x, with x uniform within `octaves` either way. */
function signedPower(random: Random, octaves: number): number {
  return (random.uniform() < 0.5 ? -1 : 1) * 2 ** (octaves * (2 * random.uniform() - 1));
}

/** Makes Λ T of a family whose λ are 1, with λ of both signs. It is as well conditioned, and a wrong λ shows. */
function rowsScaled(octaves: number, family: Family): Family {
  return (random, n, r) => {
    const drawn = family(random, n, r);
    for (let i = 0; i < n; i++) {
      const lambda = signedPower(random, octaves);
      drawn.diag[i] = lambda;
      for (let at = i * r; at < (i + 1) * r; at++) drawn.q[at]! *= lambda;
    }
    return drawn;
  };
}

/** Makes a sequence of few tokens: equal tokens have equal rows everywhere. */
function tokens(count: number, family: Family): Family {
  return (random, n, r) => {
    const words = family(random, Math.min(count, n), r);
    const all = { ...draw(n, r), firstOf: new Int32Array(n) };
    const seen = new Map<number, number>();
    for (let i = 0; i < n; i++) {
      const word = random.integer(0, Math.min(count, n) - 1);
      if (!seen.has(word)) seen.set(word, i);
      all.firstOf[i] = seen.get(word)!;
      all.diag[i] = words.diag[word]!;
      all.q.set(words.q.subarray(word * r, (word + 1) * r), i * r);
      all.k.set(words.k.subarray(word * r, (word + 1) * r), i * r);
    }
    return all;
  };
}

function repeated(count: number, beta?: number): Family {
  return deltaNet((random, r) => {
    const keys = Array.from({ length: count }, () => unitKey(random, r));
    return () => random.pick(keys);
  }, beta);
}

/** Makes λ of both signs over three octaves, Q that differs from K, and |q·k| of about `strength`·|λ|. */
function general(strength: (n: number) => number): Family {
  return (random, n, r) => {
    const { diag, q, k } = draw(n, r);
    const scale = Math.sqrt(strength(n) / Math.sqrt(Math.max(r, 1)));
    random.fillNormal(k, scale);
    for (let i = 0; i < n; i++) {
      const lambda = signedPower(random, 1.5);
      diag[i] = lambda;
      for (let l = 0; l < r; l++) q[i * r + l] = lambda * scale * random.normal();
    }
    return { diag, q, k };
  };
}

/**
 * Makes numbers of which none is negative, with n·q·k of about 4. Sums then grow with every row, and their roundings
 * may all go to one side.
 */
function oneSign(random: Random, n: number, r: number): Draw {
  const { diag, q, k } = draw(n, r);
  const scale = 4 / Math.sqrt(Math.max(n * r, 1));
  for (const part of [q, k]) for (let at = 0; at < part.length; at++) part[at] = scale * random.uniform();
  return { diag, q, k, positive: true };
}

export type FamilyName =
  | "delta-net"
  | "correlated .5"
  | "correlated .9"
  | "correlated .99"
  | "repeated keys"
  | "repeated tokens"
  | "constant"
  | "identical keys, β = 2"
  | "general Λ"
  | "λ over 2^±20"
  | "growth"
  | "one sign";

/** The families. λ varies unless a family is about λ = 1, because with λ = 1 everywhere a wrong λ would not show. */
export const families: Record<FamilyName, Family> = {
  "delta-net": deltaNet(unitKeys),
  "correlated .5": rowsScaled(1.5, correlated(0.5)),
  "correlated .9": correlated(0.9),
  "correlated .99": rowsScaled(1.5, correlated(0.99)),
  "repeated keys": rowsScaled(1.5, repeated(8)),
  "repeated tokens": tokens(5, rowsScaled(1.5, deltaNet(unitKeys))),
  // With β = 2 − 2⁻⁷ the solution alternates, and fades so slowly that every row counts.
  constant: tokens(1, deltaNet(unitKeys, 2 - 2 ** -7)),
  "identical keys, β = 2": repeated(1, 2),
  "general Λ": general((n) => 1 / Math.sqrt(Math.max(n, 1))),
  "λ over 2^±20": rowsScaled(20, deltaNet(unitKeys)),
  growth: general(() => 0.7),
  "one sign": oneSign,
};

/** The families that every accuracy gate runs over. */
export const familyNames: readonly FamilyName[] = Object.keys(families) as FamilyName[];

/** Families whose answers leave the range of the dtype when n is large. They are judged up to the row where they do. */
export const growing: ReadonlySet<string> = new Set<FamilyName>(["growth"]);
