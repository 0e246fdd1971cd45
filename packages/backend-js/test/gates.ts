import { randomFrom } from "../../../tooling/random.mjs";

/**
 * A decay, as a function that gives g of row i and channel m. `make` starts the sequence of its random numbers anew, so
 * that every problem is given the same one.
 */
export interface Gate {
  readonly name: string;
  readonly make: () => (i: number, m: number) => number;
}

const random = (f: (uniform: () => number) => number): Gate["make"] => {
  return () => {
    const next = randomFrom(11);
    return () => f(next);
  };
};

/** Lists decays as layers have them, and decays for which some way to compute their powers fails. */
export const gates: readonly Gate[] = [
  // This is −e^A softplus(x), as Gated DeltaNet and Mamba-2 make their decay.
  {
    name: "typical",
    make: random((next) => -Math.exp(1.4 * (1 + next())) * Math.log1p(Math.exp(4 * next() - 3))),
  },
  { name: "uniform on [−20, 0]", make: random((next) => -10 * (1 + next())) },
  { name: "slow, −1e−8", make: () => () => -1e-8 },
  { name: "all −5", make: () => () => -5 },
  { name: "all −20", make: () => () => -20 },
  { name: "all −100", make: () => () => -100 },
  { name: "all −1000", make: () => () => -1000 },
  { name: "0 and −20 mixed", make: random((next) => (next() < 0 ? 0 : -20)) },
  { name: "resets", make: () => (i, m) => ((i + 3 * m) % 13 === 5 ? -Infinity : -0.02 * (1 + (i % 3))) },
  { name: "impulses between long gaps", make: () => (i) => (i % 37 === 20 ? -60 : -1e-4) },
  // Float64 rounds e^g of this number by nearly half an ulp, and as every row has it, each time to the same side.
  {
    name: "one unlucky number",
    make: () => {
      const gap = unluckyGap();
      return () => gap;
    },
  },
];

/** Returns, of 2000 numbers near −0.02, that for which float64 loses most when it rounds e^g = 1 + expm1(g). */
function unluckyGap(): number {
  let [worst, most] = [0, 0];
  for (let at = 0; at < 2000; at++) {
    const gap = -0.01 - at * 1e-5;
    const part = Math.expm1(gap);
    const lost = Math.abs(part - (1 + part - 1));
    if (lost > most) [worst, most] = [gap, lost];
  }
  return worst;
}
