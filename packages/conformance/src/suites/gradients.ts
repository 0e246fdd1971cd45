/**
 * Core composes every gradient of solve, apply, rowDot, copy and decayVjp. Here each of these steps is judged by
 * itself, at any size, as the solve or the product that it is.
 */
import {
  applyVjp,
  newFloatArray,
  solve,
  solveVjp,
  type DecayKind,
  type Dtype,
  type FloatArray,
  type KernelName,
  type Sizes,
} from "@dlrt/core";
import { gate } from "@dlrt/core/reference";
import fc from "fast-check";
import { omegaOfApply, omegaOfRowDot, omegaOfSolve, worse, type Omega } from "../backward-error.js";
import { anyCall, operatorOn, readAll, sayCall, type Call } from "../calls.js";
import { omegaOfDecayGradient } from "../decay-gradient.js";
import type { Gates } from "../gates.js";
import { anyGates, decayKinds, gateKinds, needs, titleFor } from "../kinds.js";
import {
  familyNames,
  groupOf,
  growing,
  makeProblem,
  nameOf,
  shapesOf,
  type FamilyName,
  type Problem,
} from "../problems.js";
import { Random } from "../random.js";
import { affordVjp, anySizes, type Budget } from "../sizes.js";
import type { Case, Scope, Trial } from "../trial.js";
import { everyDecayVjp } from "./decay-vjp.js";
import { wholeGradientCases } from "./gradients-whole.js";
import { anyRowDot, everyRowDot } from "./row-dot.js";

interface Vjp {
  readonly problem: Problem;
  readonly call: Call;
  readonly cotangent: FloatArray;
  /** The cotangent of the final state, where `call.final` asks for one. */
  readonly finalCotangent: FloatArray;
}

type Read = Record<"diag" | "q" | "k" | "rhs" | "primal", FloatArray> &
  Partial<Record<"state" | "decay", FloatArray>>;

async function runVjp(verb: "solve" | "apply", scope: Scope, vjp: Vjp): Promise<Read> {
  const { problem, call } = vjp;
  const shape = shapesOf(problem.sizes);
  const op = operatorOn(scope, problem);
  const rhs = scope.put(problem.rhs, shape.rhs);
  const cotangent = scope.put(vjp.cotangent, shape.rhs);
  const { trans, alpha, chunk } = call;
  const initialState = call.stateful ? scope.put(problem.state, shape.state) : undefined;
  const finalStateCotangent = call.final ? scope.put(vjp.finalCotangent, shape.state) : undefined;
  const options = { trans, alpha, chunk, initialState, finalStateCotangent };
  if (verb === "apply") {
    const { x, initialState: state, ...others } = applyVjp(scope.backend, op, rhs, cotangent, options);
    const read = await readAll(scope, { ...others, rhs: x, ...(state && { state }) });
    return { ...read, primal: problem.rhs };
  }
  const y = scope.own(solve(scope.backend, op, rhs, { trans, alpha, chunk, initialState }));
  const { b, initialState: state, ...others } = solveVjp(scope.backend, op, y, cotangent, options);
  const read = await readAll(scope, { ...others, rhs: b, ...(state && { state }) });
  return { ...read, primal: await scope.read(y) };
}

/** Returns s·Zᵀ of every batch entry. */
function transposedState(z: FloatArray, { batch, r, p }: Problem["sizes"], s: number): FloatArray {
  const t = new Float64Array(z.length);
  for (let e = 0; e < batch; e++) {
    for (let l = 0; l < r; l++) {
      for (let j = 0; j < p; j++) t[e * r * p + j * r + l] = s * z[e * r * p + l * p + j]!;
    }
  }
  return t;
}

/** Returns αȲ as core forms it: rounded in a tensor of its own where a state must not be scaled along, and otherwise left to the kernel. */
function scaledCotangent(
  { alpha, stateful, final }: Call,
  cotangent: FloatArray,
): { cotangent: FloatArray; alpha: number } {
  if (!stateful && !final) return { cotangent, alpha };
  return { cotangent: Float64Array.from(cotangent, (value) => alpha * value), alpha: 1 };
}

/** Judges B̄ (or X̄) and Z̄₀ as results of a transposed solve (or apply) whose state is the cotangent of the final state. */
function omegaOfRhs(verb: "solve" | "apply", { problem, call, ...vjp }: Vjp, got: Read): Omega {
  const sign = verb === "solve" ? -1 : 1;
  const { cotangent, alpha } = scaledCotangent(call, vjp.cotangent);
  const backward = {
    ...problem,
    rhs: cotangent,
    state: Float64Array.from(vjp.finalCotangent, (value) => sign * value),
  };
  const variant = { trans: !call.trans, alpha, stateful: call.final };
  const final = got.state && Float64Array.from(got.state, (value) => sign * value);
  return (verb === "solve" ? omegaOfSolve : omegaOfApply)(backward, variant, got.rhs, final);
}

/** Judges Q̄ and K̄ as results of an apply on an operator of rank p without Λ, made of the B̄ (or αȲ) that the backend gave. */
function omegaOfFactors(verb: "solve" | "apply", { problem, call, ...vjp }: Vjp, got: Read): Omega {
  const { batch, n, r, p } = problem.sizes;
  const solving = verb === "solve";
  const scaled = scaledCotangent(call, vjp.cotangent);
  const left = solving ? got.rhs : scaled.cotangent;
  const outer = {
    ...problem,
    sizes: { batch, n, r: p, p: r },
    q: call.trans ? got.primal : left,
    k: call.trans ? left : got.primal,
  };
  const z0 = transposedState(problem.state, problem.sizes, solving ? call.alpha : 1);
  const zf = transposedState(vjp.finalCotangent, problem.sizes, solving ? -1 : 1);
  const alpha = solving ? -1 / call.alpha : scaled.alpha;
  let worst = omegaOfRowDot([left, got.primal, got.diag], alpha, p);
  for (const toK of [false, true]) {
    const fromEnd = call.trans !== toK;
    const product = { ...outer, rhs: toK ? problem.q : problem.k, state: fromEnd ? zf : z0 };
    const stateful = fromEnd ? call.final : call.stateful;
    const variant = { trans: toK, alpha, stateful, lambda: false };
    for (const [part, out] of byChannel(product, toK ? got.k : got.q)) {
      worst = worse(worst, omegaOfApply(part, variant, out));
    }
  }
  return worst;
}

/** Splits a product into one for each column of the right-hand side where every channel decays by itself: column m decays as channel m. */
function byChannel(product: Problem, out: FloatArray): [Problem, FloatArray][] {
  const { batch, n, p } = product.sizes;
  const { decay } = product;
  if (decay === undefined || decay.length === batch * n) return [[product, out]];
  return Array.from({ length: p }, (_, m) => {
    const column = (a: FloatArray): Float64Array =>
      Float64Array.from({ length: a.length / p }, (_, i) => a[i * p + m]!);
    const sizes = { ...product.sizes, p: 1 };
    const parts = { rhs: column(product.rhs), state: column(product.state), decay: column(decay) };
    return [{ ...product, ...parts, sizes }, column(out)];
  });
}

/** Lowers the budget, because gradients do three times the work of the operation, and those with a decay take much longer to judge. */
function third({ maxN, maxWork }: Budget, kind: DecayKind): Budget {
  return { maxN, maxWork: kind === "none" ? maxWork / 4 : Math.min(maxWork / 4, 2 ** 11) };
}

function anyVjp(trial: Trial, verb: "solve" | "apply", kind: DecayKind): Promise<void> {
  const values = fc.record({
    family: fc.constantFrom(...familyNames.filter((name) => !growing.has(name))),
    sizes: anySizes(third(trial.plan, kind)).map((sizes) => affordVjp(sizes, trial.plan)),
    gates: anyGates(kind),
    call: anyCall(),
    seed: fc.nat(),
  });
  const judge = async (scope: Scope, drawn: Drawn): Promise<void> => {
    const { family, sizes, gates, call, seed } = drawn;
    const problem = makeProblem(family, sizes, trial.subject.dtype!, seed, gates);
    const random = new Random(seed + 1);
    const like = (a: FloatArray): FloatArray => random.fillNormal(newFloatArray(problem.dtype, a.length));
    const vjp = { problem, call, cotangent: like(problem.rhs), finalCotangent: like(problem.state) };
    const got = await runVjp(verb, scope, vjp);
    const where = `${nameOf(problem)}; ${sayCall(call)}${call.final ? ", with Z̄" : ""}`;
    trial.judge(
      `${where}; gradients of the right-hand side`,
      omegaOfRhs(verb, vjp, got),
      gate(sizes.r),
      groupOf(problem),
    );
    trial.judge(`${where}; gradients of T`, omegaOfFactors(verb, vjp, got), gate(sizes.p), groupOf(problem));
    if (got.decay === undefined) return;
    const omega = omegaOfDecayGradient(problem, call.trans, got, got.decay);
    trial.judge(`${where}; gradient of the decay`, omega, gate(sizes.p), groupOf(problem));
  };
  return trial.property(values, judge, kind === "none" ? 1 : 0.5);
}

interface Drawn {
  readonly family: FamilyName;
  readonly sizes: Sizes;
  readonly gates: Gates | undefined;
  readonly call: Call;
  readonly seed: number;
}

export function gradientCases(dtypes: readonly Dtype[] = ["f32", "f64"]): Case[] {
  return dtypes.flatMap((dtype) => {
    const of = (operation: string, kernels: Case["kernels"], run: Case["run"]): Case => ({
      ...{ suite: "gradients", dtype, operation, name: `${dtype}: ${operation}, any problem, any options` },
      ...(kernels && { kernels }),
      run,
    });
    return [
      of("rowDot", ["rowDot"], anyRowDot),
      { ...of("rowDot", ["rowDot"], everyRowDot), name: `${dtype}: rowDot, every length of a row` },
      ...decayKinds.flatMap((kind) => {
        const ofKind = (operation: string, kernels: readonly KernelName[], run: Case["run"]): Case => ({
          ...of(operation, kind === "none" ? kernels : [...kernels, "decayVjp"], run),
          ...needs(kind),
          name: `${titleFor(dtype, kind)}: ${operation}, any problem, any options`,
        });
        return [
          ofKind("solveVjp", ["solve", "apply", "rowDot", "copy"], (trial) => anyVjp(trial, "solve", kind)),
          ofKind("applyVjp", ["apply", "rowDot", "copy"], (trial) => anyVjp(trial, "apply", kind)),
        ];
      }),
      ...gateKinds.map((kind) => ({
        ...of("decayVjp", ["decayVjp"], (trial) => everyDecayVjp(trial, kind)),
        ...needs(kind),
        name: `${titleFor(dtype, kind)}: decayVjp, sums over rows`,
      })),
      ...wholeGradientCases(dtype),
    ];
  });
}
