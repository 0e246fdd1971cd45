/** The kernel `decayVjp`, which the gradient of the decay is computed by: a running sum over rows, however many there are. */
import { newFloatArray, unitRoundoff, type FloatArray } from "@dlrt/core";
import { gate } from "@dlrt/core/reference";
import { omegaOfDecayGradient } from "../decay-gradient.js";
import type { GateKind } from "../gates.js";
import { decayShapeOf, makeProblem, nameOf, shapesOf, type Problem } from "../problems.js";
import { Random } from "../random.js";
import type { Scope, Trial } from "../trial.js";

async function judgeDecayVjp(
  scope: Scope,
  trial: Trial,
  [problem, terms, trans]: readonly [Problem, Record<"q" | "k" | "start", FloatArray>, boolean],
  what: string,
): Promise<void> {
  const { batch, n, r } = problem.sizes;
  const { factor } = shapesOf(problem.sizes);
  const shape = decayShapeOf(problem);
  const out = scope.poisoned(shape, problem.dtype);
  if (out.shape[0] * out.shape[1] * out.shape[2] > 0) {
    scope.backend.kernels.decayVjp({
      ...{ batch, n, r, trans, decay: scope.put(problem.decay!, shape), out },
      ...{ q: scope.put(problem.q, factor), k: scope.put(problem.k, factor) },
      ...{ qGradient: scope.put(terms.q, factor), kGradient: scope.put(terms.k, factor) },
      start: scope.put(terms.start, [batch, r, 1]),
    });
  }
  const of = { q: terms.q, k: terms.k, state: terms.start };
  const omega = omegaOfDecayGradient(problem, trans, of, await scope.read(out));
  trial.judge(`${what}; ${nameOf(problem)}${trans ? ", trans" : ""}`, omega, gate(1));
}

/**
 * Judges the kernel on random terms, on equal ones, and on sums of one large term and up to 65,536 tiny ones of the
 * same sign. In place of Z₀ and its gradient it is given their product s, with Z₀ = 1.
 */
export async function everyDecayVjp(trial: Trial, kind: GateKind): Promise<void> {
  const dtype = trial.subject.dtype!;
  const { maxN, maxWork, seed } = trial.plan;
  const tiny = 0.98 * unitRoundoff[dtype];
  const sizes = [
    ...[1, 2, 15, 16, 17, 63, 64, 65, 130, 300].map((n) => ({ batch: 2, n, r: 5 })),
    ...[1, 3, 4, 7, 8, 16, 33, 64].map((r) => ({ batch: 1, n: 40, r })),
    { batch: 1, n: 65536, r: 1 },
  ].filter(({ batch, n, r }) => n <= maxN && batch <= maxN && batch * n * r <= maxWork);
  for (const [index, { batch, n, r }] of sizes.entries()) {
    const all = { batch, n, r, p: 1 };
    const gates = { name: index % 2 === 0 ? "resets" : "none", kind } as const;
    const drawn = makeProblem("general Λ", all, dtype, seed + index, gates);
    const problem = { ...drawn, state: newFloatArray(dtype, batch * r).fill(1) };
    const random = new Random(seed + index);
    const fill = (of: () => number): FloatArray => newFloatArray(dtype, batch * n * r).map(of);
    const start = random.fillNormal(newFloatArray(dtype, batch * r));
    const [q, k] = [fill(() => random.normal()), fill(() => random.normal())];
    const one = { ...problem, q: fill(() => 1), k: fill(() => 0) };
    for (const trans of n < 1000 ? [false, true] : [kind === "channel"]) {
      const judge = (on: Problem, terms: Record<"q" | "k" | "start", FloatArray>, what: string) =>
        trial.scoped((scope) => judgeDecayVjp(scope, trial, [on, terms, trans], what));
      if (n < 1000) await judge(problem, { q, k, start }, "random");
      if (n > 60 && n < 1000) await judge(one, { q: fill(() => 0.7), k, start }, "equal terms");
      if (n > 60) await judge(one, { q: fill(() => tiny), k, start: start.map(() => 1) }, "tiny terms on 1");
    }
  }
}
