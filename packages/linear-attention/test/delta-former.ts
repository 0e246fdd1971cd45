import type { Backend, HostTensor } from "@dlrt/core";
import type { DeltaFormerInputs } from "../src/index.js";
import type { DeltaFormerProblem } from "../src/reference/index.js";
import { typed } from "./layers.js";
import { randomFrom } from "../../../tooling/random.mjs";

export const heads = { query: 2, key: 2, value: 2 };
export const base: DeltaFormerProblem = { batch: 2, tokens: 33, keyWidth: 5, valueWidth: 3, heads };
export type Arrays = Record<keyof DeltaFormerInputs, Float64Array>;
export const names = ["query", "key", "value", "erase", "beta"] as const;

export const outHeadsOf = ({ heads }: DeltaFormerProblem) => Math.max(heads.query, heads.key, heads.value);

/** Draws inputs whose scores are of the order of 1, with β from 0 to 1. The numbers are float32. */
export function inputsOf(problem: DeltaFormerProblem, seed: number): Arrays {
  const random = randomFrom(seed);
  const rows = problem.batch * problem.tokens;
  const fill = (size: number, next: () => number) =>
    Float64Array.from({ length: size }, () => Math.fround(next()));
  const { heads, keyWidth, valueWidth } = problem;
  return {
    query: fill(rows * heads.query * keyWidth, () => 2 * random()),
    key: fill(rows * heads.key * keyWidth, () => 2 * random()),
    value: fill(rows * heads.value * valueWidth, random),
    erase: fill(rows * heads.query * keyWidth, () => 2 * random()),
    beta: fill(rows * outHeadsOf(problem), () => (random() + 1) / 2),
  };
}

export function upload(
  backend: Backend<HostTensor>,
  { batch, tokens }: DeltaFormerProblem,
  arrays: Partial<Arrays>,
  dtype: "f32" | "f64",
): DeltaFormerInputs<HostTensor> {
  const entries = Object.entries(arrays).map(([name, array]) => {
    const shape = [batch, tokens, array.length / (batch * tokens)] as const;
    return [name, backend.upload({ data: typed(array, dtype), shape })];
  });
  return Object.fromEntries(entries) as DeltaFormerInputs<HostTensor>;
}
