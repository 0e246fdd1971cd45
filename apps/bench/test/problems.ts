import { newFloatArray, type DecayKind, type Dtype } from "@dlrt/core";
import type { Contender } from "../src/harness/contenders/contender.js";
import type { Outputs, Run } from "../src/harness/operations/operation.js";
import { Random } from "../src/harness/workload/random.js";
import { allocate, decayColumns, type Problem } from "../src/harness/workload/problem.js";

/** Everything random and small, λ too; gaps of every size, and a reset every tenth. */
export function problem(
  sizes: {
    batch?: number;
    n?: number;
    r?: number;
    p?: number;
    dtype?: Dtype;
    seed?: number;
    decay?: DecayKind;
  } = {},
): Problem {
  const { batch = 2, n = 37, r = 5, p = 3, dtype = "f32", seed = 7, decay = "none" } = sizes;
  const made = allocate({ batch, n, r, p, dtype, seed });
  const random = new Random(seed);
  for (const part of [made.q, made.k]) random.fillNormal(part, 1 / Math.sqrt(r));
  random.fillNormal(made.b, 1);
  for (let i = 0; i < made.diag.length; i++) made.diag[i] = 1 + random.uniform();
  if (decay === "none") return { ...made, about: "test" };
  const gaps = newFloatArray(dtype, batch * n * (decay === "row" ? 1 : r));
  for (let i = 0; i < gaps.length; i++) gaps[i] = i % 10 === 9 ? -Infinity : -3 * random.uniform() ** 4;
  return { ...made, decay: gaps, about: "test" };
}

/**
 * T of one batch entry, by the definition; `weigh` gives the factor between rows whose gaps have this sum.
 */
export function dense(
  problem: Problem,
  entry: number,
  weigh: (sum: number) => number = Math.exp,
): number[][] {
  const { n, r, diag, q, k, decay } = problem;
  const columns = decayColumns(problem);
  const gap = (i: number, a: number): number =>
    decay?.[(entry * n + i) * columns + (columns > 1 ? a : 0)] ?? 0;
  const between = (j: number, i: number, a: number): number => {
    let sum = 0;
    for (let t = j + 1; t <= i; t++) sum += gap(t, a);
    return weigh(sum);
  };
  const at = (i: number, a: number): number => (entry * n + i) * r + a;
  return Array.from({ length: n }, (_row, i) =>
    Array.from({ length: n }, (_column, j) => {
      if (j > i) return 0;
      if (j === i) return diag[entry * n + i]!;
      let sum = 0;
      for (let a = 0; a < r; a++) sum += q[at(i, a)]! * between(j, i, a) * k[at(j, a)]!;
      return sum;
    }),
  );
}

/** A contender made of a function that gives its outputs. */
export function fake(name: string, read: () => Outputs, call: Run["call"] = () => undefined): Contender {
  return {
    name,
    kind: "peer",
    build: "test",
    refuses: () => undefined,
    open: () => ({ call, read: async () => read(), close: () => undefined }),
    dispose: async () => undefined,
  };
}
