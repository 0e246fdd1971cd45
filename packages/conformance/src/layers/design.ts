/**
 * The problems that a layer is run on. Every awkward value of each choice is met with other choices beside it, but not
 * in all combinations.
 */
import { Random } from "../random.js";
import type { Plan } from "../options.js";
import type { Layer } from "./definition.js";
import type { Decay, Keys, LayerProblem } from "./problem.js";

/** Numbers of tokens at which other implementations went wrong, with the columns of keys and values that they meet. */
const SIZES: readonly (readonly [tokens: number, keyWidth: number, valueWidth: number])[] = [
  [0, 5, 3],
  [1, 256, 8],
  [15, 100, 5],
  [16, 192, 4],
  [17, 60, 20],
  [33, 96, 6],
  [63, 16, 16],
  [64, 8, 4],
  [65, 24, 40],
  [75, 5, 3],
  [127, 8, 8],
  [129, 16, 4],
  [252, 8, 4],
  [1000, 4, 4],
];

export const DECAYS: readonly Decay[] = [
  "model",
  -1e-8,
  "mixed",
  -3,
  0,
  -5.6,
  -Infinity,
  -20,
  -1000,
  0.02, // growth is defined
  -100,
  -5,
];

/** Numbers of heads: equal ones, grouped queries, grouped values, one key for all, and mixtures of these. */
export const HEADS: readonly LayerProblem["heads"][] = [
  { query: 2, key: 2, value: 2 },
  { query: 4, key: 2, value: 2 },
  { query: 2, key: 2, value: 4 },
  { query: 3, key: 1, value: 1 },
  { query: 1, key: 1, value: 1 },
  { query: 1, key: 4, value: 4 },
  { query: 6, key: 1, value: 3 },
  { query: 4, key: 4, value: 2 },
];

const BETAS: readonly LayerProblem["beta"][] = ["model", 0, 1, 2, "model"];
const KEYS: readonly Keys[] = ["unit", "some zero", "correlated", "one", "unit", "zero", "correlated"];

const at = <E>(list: readonly E[], index: number): E => list[index % list.length]!;

/** Lowers a problem to what a plan can stand: columns are halved, then tokens. */
export function affordable<P extends LayerProblem>(problem: P, { maxN, maxWork }: Plan): P {
  const entries = problem.batch * Math.max(problem.heads.query, problem.heads.key, problem.heads.value);
  let { tokens, keyWidth, valueWidth } = { ...problem, tokens: Math.min(problem.tokens, maxN) };
  while (entries * tokens * problem.layer.steps * keyWidth * valueWidth > maxWork) {
    if (keyWidth > 8 || valueWidth > 8) {
      if (keyWidth > valueWidth) keyWidth >>= 1;
      else valueWidth >>= 1;
    } else tokens >>= 1;
  }
  return { ...problem, tokens, keyWidth, valueWidth };
}

/**
 * Returns row `index` of the design for layer `which`: its choices come from lists of coprime lengths, which each layer
 * walks from another start.
 */
function designed(layer: Layer, which: number, index: number, seed: number): LayerProblem {
  const [tokens, keyWidth, valueWidth] = SIZES[index]!;
  const [heads, keys] = [at(HEADS, 3 * index + which), at(KEYS, index + 2 * which)];
  const decay = at(DECAYS, 5 * index + which);
  return {
    ...{ layer, tokens, keyWidth, valueWidth, heads, keys },
    batch: tokens > 129 ? 1 : 1 + (index % 2),
    gates: at(["own", "own", "shared"], index + which),
    beta: at(BETAS, index + which),
    // After a thousand tokens, what grows by 2 % a token says nothing about accuracy.
    decay: decay === 0.02 && tokens > 129 ? "model" : decay,
    scale: at([undefined, 0.375], Math.floor(index / 2) + which),
    stateLayout: at(["kv", "vk"], index + which),
    stateful: (Math.floor(index / 2) + which) % 2 === 0,
    seed: seed + 1000 * which + index,
  };
}

/** Returns about `count` of the design's problems for a layer, and other ones for other layers, so that each size is still met by some. */
export function designedProblems(layer: Layer, which: number, count: number, plan: Plan): LayerProblem[] {
  const stride = Math.max(1, Math.ceil(SIZES.length / count));
  return SIZES.map((_, index) => index)
    .filter((index) => (index + which) % stride === 0)
    .map((index) => affordable(designed(layer, which, index, plan.seed), plan));
}

/** Draws any combination at all. */
export function anyProblem(layer: Layer, seed: number, plan: Plan): LayerProblem {
  const random = new Random(seed);
  const [tokens] = random.pick(SIZES);
  const width = (): number => random.pick([1, 2, 3, 5, 8, 16, 17, 24, 40, 60, 64, 96, 100, 128, 192, 256]);
  const decay = random.pick(DECAYS);
  return affordable(
    {
      ...{ layer, tokens, keyWidth: width(), valueWidth: width(), seed },
      batch: random.pick([0, 1, 1, 2, 3]),
      heads: random.pick(HEADS),
      gates: random.pick(["own", "shared"]),
      keys: random.pick(KEYS),
      beta: random.pick(BETAS),
      decay: decay === 0.02 && tokens > 129 ? "model" : decay,
      scale: random.pick([undefined, 1, 0.375]),
      stateLayout: random.pick(["kv", "vk"]),
      stateful: random.pick([true, false]),
    },
    plan,
  );
}

/**
 * Returns the problems that every layer is run on whatever the plan. Every head shares something (a key head two
 * states, a state two queries), every gate is another, and in the second some forget.
 */
export function commonProblems(layer: Layer, seed: number): LayerProblem[] {
  const heads = { query: 8, key: 2, value: 4 };
  return [
    plainProblem(layer, { tokens: 37, keyWidth: 5, valueWidth: 3, heads, scale: 0.375, seed }),
    plainProblem(layer, {
      tokens: 17,
      keyWidth: 5,
      valueWidth: 3,
      heads,
      decay: "mixed",
      stateLayout: "vk",
      seed,
    }),
  ];
}

/** Returns a plain problem, changed as `own` says. */
export function plainProblem(layer: Layer, own: Partial<LayerProblem>): LayerProblem {
  return {
    ...{ layer, batch: 1, tokens: 33, keyWidth: 8, valueWidth: 4, heads: HEADS[0]!, gates: "own" },
    ...{ keys: "unit", beta: "model", decay: "model", stateLayout: "kv", stateful: true, seed: 1 },
    ...own,
  };
}
