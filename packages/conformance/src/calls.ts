import { apply, inverse, solve, type FloatArray, type Shape, type Tensor } from "@dlrt/core";
import fc from "fast-check";
import type { Variant } from "./backward-error.js";
import { decayShapeOf, shapesOf, type Problem } from "./problems.js";
import type { Scope } from "./trial.js";

/** A call of solve or apply on a problem: its variant, and where its results go. */
export interface Call extends Variant {
  readonly chunk: number | undefined;
  /** Whether the final state is asked for. */
  readonly final: boolean;
  /**
   * Whether the result goes to a tensor that is given as `out`, full of NaN, or to one that the operation allocates.
   */
  readonly given: boolean;
}

export interface Answer {
  readonly out: FloatArray;
  readonly finalState?: FloatArray;
}

/** Draws any combination of options. α is a power of two where `exact`. */
export function anyCall(exact = false): fc.Arbitrary<Call> {
  const alphas = exact ? [1, -1, 2, 0.5, 0] : [1, -1, 0.5, 3, -0.3];
  return fc.record({
    trans: fc.boolean(),
    alpha: fc.constantFrom(...alphas),
    stateful: fc.boolean(),
    chunk: fc.constantFrom(undefined, 1, 2, 7, 16, 17, 32, 64, 100, 128, 1000),
    final: fc.boolean(),
    given: fc.boolean(),
  });
}

export const plainCall: Call = {
  trans: false,
  alpha: 1,
  stateful: false,
  chunk: undefined,
  final: false,
  given: true,
};

/** The operands of T on a backend. */
export interface Operands {
  readonly diag: Tensor;
  readonly q: Tensor;
  readonly k: Tensor;
  readonly decay?: Tensor;
}

export function operatorOn(scope: Scope, problem: Problem): Operands {
  const { diag, factor } = shapesOf(problem.sizes);
  return {
    diag: scope.put(problem.diag, diag),
    q: scope.put(problem.q, factor),
    k: scope.put(problem.k, factor),
    ...(problem.decay && { decay: scope.put(problem.decay, decayShapeOf(problem)) }),
  };
}

/** Uploads the problem, makes the call and reads the results. */
export async function run(
  verb: "solve" | "apply",
  scope: Scope,
  problem: Problem,
  call: Call & { readonly lambda?: boolean },
): Promise<Answer> {
  const { rhs: shape, state: stateShape } = shapesOf(problem.sizes);
  const { diag, ...factors } = operatorOn(scope, problem);
  const rhs = scope.put(problem.rhs, shape);
  const finalState = call.final ? scope.poisoned(stateShape, problem.dtype) : undefined;
  if (!call.given) scope.poisonFree(shape, problem.dtype);
  const out = (verb === "solve" ? solve : apply)(
    scope.backend,
    call.lambda === false ? factors : { diag, ...factors },
    rhs,
    {
      trans: call.trans,
      alpha: call.alpha,
      chunk: call.chunk,
      initialState: call.stateful ? scope.put(problem.state, stateShape) : undefined,
      finalState,
      out: call.given ? scope.poisoned(shape, problem.dtype) : undefined,
    },
  );
  scope.own(out);
  return {
    out: await scope.read(out),
    ...(finalState && { finalState: await scope.read(finalState) }),
  };
}

export async function runInverse(
  scope: Scope,
  problem: Problem,
  { chunk, given }: Pick<Call, "chunk" | "given">,
): Promise<FloatArray> {
  const { batch, n } = problem.sizes;
  const shape: Shape = [batch, n, n];
  if (!given) scope.poisonFree(shape, problem.dtype);
  const out = given ? scope.poisoned(shape, problem.dtype) : undefined;
  return scope.read(scope.own(inverse(scope.backend, operatorOn(scope, problem), { chunk, out })));
}

/** Reads the elements of every tensor; the tensors all end with the scope. */
export async function readAll<R extends { readonly [name in keyof R]: Tensor | undefined }>(
  scope: Scope,
  tensors: R,
): Promise<{ [name in keyof R]: FloatArray }> {
  const entries = Object.entries<Tensor>(tensors as Record<string, Tensor>);
  for (const [, t] of entries) scope.own(t);
  const read = await Promise.all(entries.map(async ([name, t]) => [name, await scope.read(t)] as const));
  return Object.fromEntries(read) as { [name in keyof R]: FloatArray };
}

export function sayCall(call: Partial<Call>): string {
  const { trans, alpha, stateful, chunk } = call;
  return [
    trans ? "trans" : "",
    alpha === 1 || alpha === undefined ? "" : `α ${alpha}`,
    stateful ? "with state" : "",
    chunk === undefined ? "" : `chunk ${chunk}`,
  ]
    .filter((word) => word !== "")
    .join(", ");
}
