/** Gates of g > 0, by which a state grows instead of decaying: moderate ones are computed as well as a decay, and large ones overflow where they must. */
import { newFloatArray, unitRoundoff, type Dtype, type FloatArray } from "@dlrt/core";
import { gate } from "@dlrt/core/reference";
import { omegaOfApply, omegaOfSolve } from "../backward-error.js";
import { plainCall, run, sayCall, type Call } from "../calls.js";
import { channelsOf, type GateKind } from "../gates.js";
import { makeProblem, nameOf, type Problem } from "../problems.js";
import { afford } from "../sizes.js";
import { demand, type Trial } from "../trial.js";

/** Demands that moderate growth is computed as exactly as a decay. */
export async function growth(trial: Trial, verb: "solve" | "apply", kind: GateKind): Promise<void> {
  const sizes = afford({ batch: 1, n: 40, r: 3, p: 2 }, trial.plan);
  const { n, r } = sizes;
  const dtype = trial.subject.dtype!;
  const drawn = makeProblem("general Λ", sizes, dtype, trial.plan.seed);
  const channels = channelsOf({ kind }, r);
  const decay = newFloatArray(dtype, n * channels).map((_, at) => [0.3, -0.2, 0.1][(at % channels) % 3]!);
  const problem = { ...drawn, decay };
  for (const trans of [false, true]) {
    for (const chunk of [undefined, 16]) {
      const call: Call = { ...plainCall, trans, chunk, stateful: true, final: true };
      await trial.scoped(async (scope) => {
        const { out, finalState } = await run(verb, scope, problem, call);
        const omegaOf = verb === "solve" ? omegaOfSolve : omegaOfApply;
        const where = `g > 0, ${nameOf(problem)}; ${sayCall(call)}`;
        trial.judge(where, omegaOf(problem, call, out, finalState), gate(r, true));
      });
    }
  }
}

/**
 * The natural logarithms between which an answer may leave the range of the dtype. Below the first it must be finite,
 * and from the second on it must not be.
 */
const range: Readonly<Record<Dtype, readonly [number, number]>> = { f32: [69, 92], f64: [690, 715] };

/** Runs g = 1 on an impulse in row 0, so that y_i = eⁱ, until that leaves the range of the dtype. */
export async function overflow(trial: Trial, kind: GateKind): Promise<void> {
  const dtype = trial.subject.dtype!;
  const [may, must] = range[dtype];
  const n = must + 20;
  const r = kind === "row" ? 1 : 2;
  if (n > trial.plan.maxN || n * r > trial.plan.maxWork) return trial.count();
  const fill = (count: number, value: (at: number) => number): FloatArray =>
    newFloatArray(dtype, count).map((_, at) => value(at));
  for (const chunk of [undefined, 1, 16, 64]) {
    const problem: Problem = {
      ...{ family: "growing gates", dtype, sizes: { batch: 1, n, r, p: 1 }, seed: 0 },
      ...{ diag: fill(n, () => 1), q: fill(n * r, () => 1 / r), k: fill(n * r, () => 1) },
      ...{ rhs: fill(n, (at) => (at === 0 ? 1 : 0)), state: fill(r, () => 0), decay: fill(n * r, () => 1) },
    };
    await trial.scoped(async (scope) => {
      const { out } = await run("apply", scope, problem, { ...plainCall, chunk });
      out.forEach((value, i) => {
        const where = `apply, g = 1, ${dtype}, chunk ${chunk}: row ${i}`;
        const exact = Math.exp(i);
        const near = Math.abs(value - exact) <= gate(r, true) * unitRoundoff[dtype] * (1 + i) * exact;
        if (i <= may) demand(near, `${where} is ${value}, expected ${exact}`);
        if (i >= must) demand(!Number.isFinite(value), `${where} is ${value}, expected ∞ or NaN`);
      });
    });
    trial.count();
  }
}
