/**
 * Tensors that lie as the arrays of a layer do, or in any other way. The answer must have the bits that contiguous
 * copies give, and what lies between the elements must stay as it was.
 */
import {
  apply,
  applyVjp,
  inverse,
  newFloatArray,
  solve,
  solveVjp,
  trilInverse,
  type DecayKind,
  type Dtype,
  type KernelName,
  type Shape,
  type Sizes,
} from "@dlrt/core";
import fc from "fast-check";
import type { Part } from "../arrangement.js";
import { decayKinds, needs, titleFor } from "../kinds.js";
import { decayShapeOf, makeProblem, shapesOf } from "../problems.js";
import { Random } from "../random.js";
import { affordSquare, affordVjp, atMost } from "../sizes.js";
import type { Case, Scope, Trial } from "../trial.js";
import { anyDrawn, demandSame, operands, sayDrawn, type Drawn, type Work } from "./in-layouts.js";
import { layer, operatorOf } from "./layer-layout.js";
import { denseBlocks } from "./tril-inverse.js";
import { viewLifeCases } from "./view-life.js";

function anyChunked(trial: Trial, verb: "solve" | "apply", kind: DecayKind): Promise<void> {
  const judge = async (scope: Scope, drawn: Drawn): Promise<void> => {
    const { sizes, gates, call, together, inPlace, seed } = drawn;
    const dtype = trial.subject.dtype!;
    const problem = makeProblem("general Λ", sizes, dtype, seed, gates);
    const shape = shapesOf(sizes);
    const over = verb === "solve" && inPlace;
    const state = call.stateful ? { shape: shape.state, data: problem.state } : undefined;
    const parts = {
      ...operands(problem),
      rhs: { shape: shape.rhs, data: problem.rhs, written: over },
      ...(!over && { out: { shape: shape.rhs, written: true } }),
      ...(state && { initialState: { ...state, written: inPlace && call.final } }),
      ...(call.final && !(state && inPlace) && { finalState: { shape: shape.state, written: true } }),
    };
    const work: Work = (on) => {
      const { rhs, initialState } = on;
      (verb === "solve" ? solve : apply)(trial.backend, operatorOf(on), rhs!, {
        ...{ trans: call.trans, alpha: call.alpha, chunk: call.chunk, initialState },
        out: over ? rhs : on["out"],
        finalState: call.final ? (on["finalState"] ?? initialState) : undefined,
      });
    };
    await demandSame(
      scope,
      `${verb}, ${sayDrawn(problem, drawn)}`,
      [dtype, parts, work],
      [new Random(seed), together],
    );
    trial.count();
  };
  return trial.property(
    anyDrawn(trial, kind, (sizes) => sizes),
    judge,
    kind === "none" ? 1 : 0.5,
  );
}

/** Writes every gradient into a view. That puts rowDot, copy and decayVjp through their layouts too. */
function anyGradients(trial: Trial, verb: "solve" | "apply", kind: DecayKind): Promise<void> {
  const judge = async (scope: Scope, drawn: Drawn): Promise<void> => {
    const { sizes, gates, call, together, seed } = drawn;
    const dtype = trial.subject.dtype!;
    const problem = makeProblem("general Λ", sizes, dtype, seed, gates);
    const shape = shapesOf(sizes);
    const random = new Random(seed + 1);
    const normal = (of: Shape): Part => ({
      shape: of,
      data: random.fillNormal(newFloatArray(dtype, of[0] * of[1] * of[2])),
    });
    const rhsName = verb === "solve" ? "b" : "x";
    const given = {
      ...operands(problem),
      primal: { shape: shape.rhs, data: problem.rhs },
      cotangent: normal(shape.rhs),
      ...(call.stateful && { initialState: { shape: shape.state, data: problem.state } }),
      ...(call.final && { finalStateCotangent: normal(shape.state) }),
    };
    const out: Record<string, Shape> = {
      ...{ diag: shape.diag, q: shape.factor, k: shape.factor, [rhsName]: shape.rhs },
      ...(problem.decay && { decay: decayShapeOf(problem) }),
      ...(call.stateful && { initialState: shape.state }),
    };
    const results = Object.entries(out).map(([name, of]) => [`out.${name}`, { shape: of, written: true }]);
    const parts: Record<string, Part> = { ...given, ...Object.fromEntries(results) };
    const work: Work = (on) => {
      const { trans, alpha, chunk } = call;
      const { initialState, finalStateCotangent } = on;
      const into = Object.fromEntries(Object.keys(out).map((name) => [name, on[`out.${name}`]]));
      const options = { trans, alpha, chunk, initialState, finalStateCotangent, out: into };
      const vjp = (verb === "solve" ? solveVjp : applyVjp) as typeof solveVjp;
      vjp(trial.backend, operatorOf(on), on["primal"]!, on["cotangent"]!, options);
    };
    const where = `${verb}Vjp, ${sayDrawn(problem, drawn)}`;
    await demandSame(scope, where, [dtype, parts, work], [new Random(seed), together]);
    trial.count();
  };
  const most = (sizes: Sizes): Sizes => affordVjp(sizes, atMost(trial.plan, 100));
  return trial.property(anyDrawn(trial, kind, most), judge, 0.3);
}

function anyInverse(trial: Trial, kind: DecayKind): Promise<void> {
  const judge = async (scope: Scope, drawn: Drawn): Promise<void> => {
    const { sizes, gates, call, together, seed } = drawn;
    const dtype = trial.subject.dtype!;
    const problem = makeProblem("general Λ", sizes, dtype, seed, gates);
    const square: Shape = [sizes.batch, sizes.n, sizes.n];
    const parts = { ...operands(problem), out: { shape: square, written: true } };
    const work: Work = (on) =>
      void inverse(trial.backend, operatorOf(on), { chunk: call.chunk, out: on["out"] });
    const where = `inverse, ${sayDrawn(problem, drawn)}`;
    await demandSame(scope, where, [dtype, parts, work], [new Random(seed), together]);
    trial.count();
  };
  const most = (sizes: Sizes): Sizes => affordSquare(sizes, atMost(trial.plan, 80));
  return trial.property(anyDrawn(trial, kind, most), judge, 0.5);
}

function anyBlock(trial: Trial): Promise<void> {
  const values = fc.record({
    batch: fc.nat(4),
    n: fc.nat(70),
    together: fc.boolean(),
    seed: fc.nat(),
  });
  const judge = async (
    scope: Scope,
    { batch, n, together, seed }: { batch: number; n: number; together: boolean; seed: number },
  ): Promise<void> => {
    const dtype = trial.subject.dtype!;
    const sizes = affordSquare({ batch, n, r: 1 }, trial.plan);
    const a = denseBlocks(makeProblem("general Λ", { ...sizes, p: 0 }, dtype, seed));
    const shape: Shape = [sizes.batch, sizes.n, sizes.n];
    const parts = { a: { shape, data: a }, out: { shape, written: true } };
    const work: Work = (on) => void trilInverse(trial.backend, on["a"]!, { out: on["out"] });
    const where = `trilInverse of [${String(shape)}], seed ${seed}`;
    await demandSame(scope, where, [dtype, parts, work], [new Random(seed), together]);
    trial.count();
  };
  return trial.property(values, judge, 0.5);
}

export function layoutCases(dtypes: readonly Dtype[] = ["f32", "f64"]): Case[] {
  return dtypes.flatMap((dtype) => {
    const shared = { suite: "layouts", operation: "views, heads", dtype };
    const kinds = decayKinds.flatMap((kind): Case[] => {
      const of = (name: string, kernels: readonly KernelName[], run: Case["run"]): Case => ({
        ...{ ...shared, ...needs(kind), kernels, run },
        name: `${titleFor(dtype, kind)}: ${name}`,
      });
      const gradients: readonly KernelName[] = ["apply", "rowDot", "copy"];
      const more: readonly KernelName[] = kind === "none" ? gradients : [...gradients, "decayVjp"];
      return [
        of("a layer's packed arrays, shared key heads", ["solve"], (t) => layer(t, kind)),
        of("solve, any layouts", ["solve"], (t) => anyChunked(t, "solve", kind)),
        of("apply, any layouts", ["apply"], (t) => anyChunked(t, "apply", kind)),
        of("inverse, any layouts", ["inverse"], (t) => anyInverse(t, kind)),
        of("solveVjp, any layouts", [...more, "solve"], (t) => anyGradients(t, "solve", kind)),
        of("applyVjp, any layouts", more, (t) => anyGradients(t, "apply", kind)),
      ];
    });
    const block = {
      ...shared,
      name: `${dtype}: trilInverse, any layouts`,
      kernels: ["trilInverse"] as const,
    };
    return [...kinds, { ...block, run: anyBlock }, ...viewLifeCases(shared, dtype)];
  });
}
