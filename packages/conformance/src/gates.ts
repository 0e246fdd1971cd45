/**
 * Gates: g ≤ 0, the natural logarithm of what is left of the state from one row to the next. Each family is one that
 * models produce, or one in which some way of forming exp(g_{j+1} + … + g_i) goes wrong.
 */
import { newFloatArray, type Dtype, type FloatArray, type Sizes } from "@dlrt/core";
import { Random } from "./random.js";

/** Whether a gate is one number for each row, or one for each row and channel. */
export type GateKind = "row" | "channel";

export interface Gates {
  readonly name: GateName;
  readonly kind: GateKind;
}

/** Draws g by row and channel, row after row, together with what multiplies the rows of the right-hand side. */
interface Draw {
  readonly gap: (row: number, channel: number) => number;
  readonly rowScale?: (row: number) => number;
}

type Family = (random: Random, n: number, channels: number) => Draw;

const every =
  (g: number): Family =>
  () => ({ gap: () => g });

const softplus = (x: number): number => (x > 30 ? x : Math.log1p(Math.exp(x)));

/** −exp(A_log) softplus(a + dt_bias), with A and dt as layers initialise them: A in [1, 16], dt in [0.001, 0.1]. */
const ofModels: Family = (random, _, channels) => {
  const each = Array.from({ length: channels }, () => {
    const step = Math.exp(Math.log(0.001) + random.uniform() * Math.log(100));
    return { a: 1 + 15 * random.uniform(), bias: step + Math.log(-Math.expm1(-step)) };
  });
  return { gap: (_, m) => -each[m]!.a * softplus(random.normal() + each[m]!.bias) };
};

/**
 * One g for each channel, whose factor in float32 is wrong by nearly half a unit in its last place, always to the same
 * side. A product of many such factors is wrong by as many times that.
 */
const unlucky: Family = (random, _, channels) => {
  const worst = Array.from({ length: channels }, () => {
    let [least, best] = [0, 0];
    for (let trial = 0; trial < 100; trial++) {
      const g = Math.fround(-0.01 - 0.2 * random.uniform());
      const off = Math.fround(Math.exp(g)) / Math.exp(g) - 1;
      if (off >= best) [best, least] = [off, g];
    }
    return least;
  });
  return { gap: (_, m) => worst[m]! };
};

export type GateName =
  | "as models produce"
  | "U[−20, 0]"
  | "all −20"
  | "all −5"
  | "0 or −20"
  | "none"
  | "−1e-8"
  | "resets"
  | "large values between resets"
  | "impulses, far apart"
  | "long gaps"
  | "unlucky constants"
  | "all −100"
  | "all −1000";

const families: Record<GateName, Family> = {
  "as models produce": ofModels,
  "U[−20, 0]": (random) => ({ gap: () => -20 * random.uniform() }),
  "all −20": every(-20),
  "all −5": every(-5),
  "0 or −20": (random) => ({ gap: () => random.pick([0, -20]) }),
  none: every(0),
  "−1e-8": every(-1e-8),
  resets: (random, n, channels) => {
    const { gap } = ofModels(random, n, channels);
    return { gap: (i, m) => (random.uniform() < 1 / 16 ? -Infinity : gap(i, m)) };
  },
  // Makes the values between a first and a second reset a million times as large as the rest. Several chunks lie
  // between the two, so that the state's sum loses something of that size.
  "large values between resets": (_, n) => {
    const [from, to] = [Math.floor(n / 8), Math.floor((7 * n) / 8)];
    return {
      gap: (i) => (i === from || i === to ? -Infinity : -1 / 64),
      rowScale: (i) => (i >= from && i < to ? 2 ** 20 : 1),
    };
  },
  "impulses, far apart": (random, n) => ({
    gap: () => -0.05 * random.uniform(),
    rowScale: (i) => (i % Math.max(1, Math.floor(n / 3)) === 0 ? 1 : 0),
  }),
  "long gaps": (random) => ({ gap: () => (random.uniform() < 1 / 50 ? -30 : -1e-3) }),
  "unlucky constants": unlucky,
  "all −100": every(-100),
  "all −1000": every(-1000),
};

/** The families that every accuracy gate runs over. */
export const gateNames: readonly GateName[] = Object.keys(families) as GateName[];

export function channelsOf({ kind }: Pick<Gates, "kind">, r: number): number {
  return kind === "row" ? 1 : r;
}

/** What gates say in a report: "resets per channel". */
export function sayGates({ name, kind }: Gates): string {
  return `gates ${name}, per ${kind}`;
}

/** Draws g of a whole batch, batch·n or batch·n·r, and returns `rhs` with its rows scaled as the gates want them. */
export function drawGates(
  { name, kind }: Gates,
  { batch, n, r, p }: Sizes,
  dtype: Dtype,
  seed: number,
  rhs: FloatArray,
): { decay: FloatArray; rhs: FloatArray } {
  const channels = channelsOf({ kind }, r);
  const random = new Random(seed + 7919);
  const decay = newFloatArray(dtype, batch * n * channels);
  const scaled = rhs.slice();
  for (let entry = 0, at = 0; entry < batch; entry++) {
    const { gap, rowScale } = families[name](random, n, channels);
    for (let i = 0; i < n; i++) {
      for (let m = 0; m < channels; m++) decay[at++] = gap(i, m);
      if (rowScale === undefined) continue;
      for (let j = 0; j < p; j++) scaled[(entry * n + i) * p + j]! *= rowScale(i);
    }
  }
  return { decay, rhs: scaled };
}
