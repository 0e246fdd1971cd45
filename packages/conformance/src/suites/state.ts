/** A sequence that is cut anywhere, with Z carried from piece to piece, gives the answer of the whole. */
import {
  apply,
  newFloatArray,
  solve,
  type DecayKind,
  type Dtype,
  type FloatArray,
  type KernelName,
  type Shape,
  type Sizes,
} from "@dlrt/core";
import { gate, overBatch, recurrent } from "@dlrt/core/reference";
import fc from "fast-check";
import { omegaOfApply, omegaOfSolve } from "../backward-error.js";
import type { Answer } from "../calls.js";
import { demandEqual } from "../demands.js";
import { makeExact } from "../exact.js";
import type { Gates } from "../gates.js";
import { anyGates, decayKinds, needs, titleFor, budgetFor } from "../kinds.js";
import {
  decayShapeOf,
  familyNames,
  groupOf,
  growing,
  makeProblem,
  nameOf,
  shapesOf,
  type FamilyName,
  type Problem,
} from "../problems.js";
import { anySizes } from "../sizes.js";
import type { Case, Scope, Trial } from "../trial.js";

interface Cut {
  readonly verb: "solve" | "apply";
  readonly trans: boolean;
  readonly alpha: number;
  /** Where the rows are cut, ascending in the order in which they are visited. */
  readonly at: readonly number[];
  /** Whether one state tensor serves all pieces, or each piece has a new one. */
  readonly inPlace: boolean;
}

/** Returns the rows [start, end) of every batch entry of an array of batch·n·cols elements. */
function rows(data: FloatArray, [batch, n, cols]: Shape, start: number, end: number): FloatArray {
  const piece = newFloatArray(data.BYTES_PER_ELEMENT === 4 ? "f32" : "f64", batch * (end - start) * cols);
  for (let e = 0; e < batch; e++) {
    const from = e * n * cols;
    piece.set(data.subarray(from + start * cols, from + end * cols), e * (end - start) * cols);
  }
  return piece;
}

function setRows(into: FloatArray, [batch, n, cols]: Shape, start: number, piece: FloatArray): void {
  const size = piece.length / Math.max(batch, 1);
  for (let e = 0; e < batch; e++) {
    into.set(piece.subarray(e * size, (e + 1) * size), (e * n + start) * cols);
  }
}

/** Returns [start, end) of each piece, in the order in which op(T) visits them. */
function pieces(n: number, { at, trans }: Cut): [number, number][] {
  const bounds = [0, ...at, n];
  const all = bounds.slice(1).map((end, index): [number, number] => [bounds[index]!, end]);
  return trans ? all.map(([start, end]): [number, number] => [n - end, n - start]) : all;
}

async function runCut(scope: Scope, problem: Problem, cut: Cut): Promise<Answer> {
  const { batch, n, r, p } = problem.sizes;
  const shape = shapesOf(problem.sizes);
  const decayShape = decayShapeOf(problem);
  const out = newFloatArray(problem.dtype, batch * n * p);
  let state = scope.put(problem.state, shape.state);
  for (const [start, end] of pieces(n, cut)) {
    const piece = (data: FloatArray, whole: Shape, cols: number): ReturnType<Scope["put"]> =>
      scope.put(rows(data, whole, start, end), [batch, end - start, cols]);
    const op = {
      diag: piece(problem.diag, shape.diag, 1),
      q: piece(problem.q, shape.factor, r),
      k: piece(problem.k, shape.factor, r),
      ...(problem.decay && { decay: piece(problem.decay, decayShape, decayShape[2]) }),
    };
    const finalState = cut.inPlace ? state : scope.poisoned(shape.state, problem.dtype);
    const { trans, alpha } = cut;
    const rhs = piece(problem.rhs, shape.rhs, p);
    const y = (cut.verb === "solve" ? solve : apply)(scope.backend, op, rhs, {
      trans,
      alpha,
      initialState: state,
      finalState,
    });
    setRows(out, shape.rhs, start, await scope.read(scope.own(y)));
    state = finalState;
  }
  return { out, finalState: await scope.read(state) };
}

const anyCut: fc.Arbitrary<Omit<Cut, "at" | "verb"> & { places: number[] }> = fc.record({
  trans: fc.boolean(),
  alpha: fc.constantFrom(1, -1, 2, 0.5),
  inPlace: fc.boolean(),
  places: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
});

/** Returns where n rows are cut, ends included: a piece may have no rows, or all n. */
function cutAt(places: readonly number[], n: number): number[] {
  return places.map((place) => place % (n + 1)).sort((a, b) => a - b);
}

function cutAnywhere(trial: Trial, verb: Cut["verb"], kind: DecayKind): Promise<void> {
  const values = fc.record({
    family: fc.constantFrom(...familyNames.filter((name) => !growing.has(name))),
    sizes: anySizes(budgetFor(trial.plan, kind)),
    gates: anyGates(kind),
    cut: anyCut,
    seed: fc.nat(),
  });
  const judge = async (scope: Scope, drawn: Drawn & { readonly family: FamilyName }): Promise<void> => {
    const {
      family,
      sizes,
      gates,
      cut: { places, ...cut },
      seed,
    } = drawn;
    const problem = makeProblem(family, sizes, trial.subject.dtype!, seed, gates);
    const at = cutAt(places, sizes.n);
    const { out, finalState } = await runCut(scope, problem, { ...cut, at, verb });
    const omegaOf = verb === "solve" ? omegaOfSolve : omegaOfApply;
    const omega = omegaOf(problem, { ...cut, stateful: true }, out, finalState);
    // Each piece but the last hands on a state that was rounded once, which is allowed one ε more.
    const where = `${nameOf(problem)}; cut at ${at.join(", ")}`;
    trial.judge(where, omega, gate(sizes.r) + at.length, groupOf(problem));
  };
  return trial.property(values, judge, kind === "none" ? 1 : 0.5);
}

interface Drawn {
  readonly sizes: Sizes;
  readonly gates?: Gates | undefined;
  readonly cut: Omit<Cut, "at" | "verb"> & { readonly places: readonly number[] };
  readonly seed: number;
}

function cutExactly(trial: Trial, verb: Cut["verb"], kind: DecayKind): Promise<void> {
  const values = fc.record({ sizes: anySizes(budgetFor(trial.plan, kind)), cut: anyCut, seed: fc.nat() });
  const judge = async (scope: Scope, { sizes, cut: { places, ...cut }, seed }: Drawn): Promise<void> => {
    const problem = makeExact(sizes, trial.subject.dtype!, seed, cut.trans, kind);
    const at = cutAt(places, sizes.n);
    const { out, finalState } = await runCut(scope, problem, { ...cut, at, verb });
    const { trans, alpha } = cut;
    const op = { ...problem.sizes, ...problem };
    const whole = overBatch(recurrent[verb], op, problem.rhs, sizes.p, {
      trans,
      alpha,
      initialState: problem.state,
    });
    const where = `${verb} of ${nameOf(problem)}, cut at ${at.join(", ")}`;
    demandEqual(where, out, whole.y);
    demandEqual(`final state of ${where}`, finalState!, whole.finalState);
    trial.count();
  };
  return trial.property(values, judge, kind === "none" ? 1 : 0.5);
}

export function stateCases(dtypes: readonly Dtype[] = ["f32", "f64"]): Case[] {
  return dtypes.flatMap((dtype) =>
    decayKinds.flatMap((kind) =>
      (["solve", "apply"] as const).flatMap((verb): Case[] => {
        const kernels: readonly KernelName[] = [verb];
        const shared = { suite: "state", operation: `${verb} in pieces`, dtype, kernels, ...needs(kind) };
        const name = `${titleFor(dtype, kind)}: ${verb}, cut anywhere`;
        return [
          { ...shared, name, run: (t) => cutAnywhere(t, verb, kind) },
          { ...shared, name: `${name}, exactly`, run: (t) => cutExactly(t, verb, kind) },
        ];
      }),
    ),
  );
}
