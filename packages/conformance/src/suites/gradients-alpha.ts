/**
 * Gradients are linear in α, and must be so wherever they can be represented. B̄ and Y are both of size α, and their
 * product is of size α², which leaves the range of float32 at α = 1e±20: a backend's answer must not. With integers and
 * powers of two the demand is an equality.
 */
import {
  applyVjp,
  newFloatArray,
  solve,
  solveVjp,
  type Dtype,
  type FloatArray,
  type Shape,
  type Tensor,
} from "@dlrt/core";
import { readAll } from "../calls.js";
import { demand, type Case, type Scope, type Trial } from "../trial.js";

const [batch, n, r, p] = [2, 6, 2, 3];
const exponents: Record<Dtype, readonly number[]> = {
  f32: [-100, -67, 0, 1, 67, 100],
  f64: [-900, -667, -100, 0, 1, 100, 667, 900],
};

/** Returns small integers, some of them negative, with another order for every seed. */
function integers(dtype: Dtype, count: number, seed: number, values: readonly number[]): FloatArray {
  return newFloatArray(dtype, count).map((_, at) => values[((at + seed) * (2 * seed + 5)) % values.length]!);
}

interface Options {
  readonly trans: boolean;
  readonly states: "none" | "state" | "both";
}

/** Computes every gradient of one call. Z̄ is α times integers, so that all gradients are α times those of α = 1. */
async function gradients(
  scope: Scope,
  dtype: Dtype,
  verb: "solve" | "apply",
  alpha: number,
  { trans, states }: Options,
): Promise<Record<string, FloatArray>> {
  const put = (rows: number, cols: number, seed: number, values = [-1, 0, 1, 2, -2], scale = 1): Tensor => {
    const shape: Shape = [batch, rows, cols];
    return scope.put(
      integers(dtype, batch * rows * cols, seed, values).map((x) => x * scale),
      shape,
    );
  };
  const op = { diag: put(n, 1, 1, [1, -1]), q: put(n, r, 2, [1, 0, -1]), k: put(n, r, 3, [0, 1, 1, -1]) };
  const [rhs, cotangent] = [put(n, p, 4), put(n, p, 5)];
  const initialState = states === "none" ? undefined : put(r, p, 6);
  const finalStateCotangent = states === "both" ? put(r, p, 7, undefined, alpha) : undefined;
  const options = { trans, alpha, initialState, finalStateCotangent };
  if (verb === "apply") return readAll(scope, { ...applyVjp(scope.backend, op, rhs, cotangent, options) });
  const y = scope.own(solve(scope.backend, op, rhs, { trans, alpha, initialState }));
  return readAll(scope, { ...solveVjp(scope.backend, op, y, cotangent, options) });
}

async function linearInAlpha(trial: Trial, verb: "solve" | "apply"): Promise<void> {
  const dtype = trial.subject.dtype!;
  for (const trans of [false, true]) {
    for (const states of ["none", "state", "both"] as const) {
      await trial.scoped(async (scope) => {
        const unit = await gradients(scope, dtype, verb, 1, { trans, states });
        for (const exponent of exponents[dtype]) {
          const alpha = -(2 ** exponent);
          const got = await gradients(scope, dtype, verb, alpha, { trans, states });
          for (const [name, values] of Object.entries(got)) {
            const at = values.findIndex((value, i) => value !== alpha * unit[name]![i]!);
            const where = `${verb}Vjp, ${dtype}, α = −2^${exponent}, trans ${trans}, states ${states}`;
            demand(
              at < 0,
              `${where}: gradient of ${name} at ${at}: expected ${alpha * unit[name]![at]!}, got ${values[at]}`,
            );
          }
          trial.count();
        }
      });
    }
  }
}

export function alphaGradientCases(): Case[] {
  return (["f32", "f64"] as const).flatMap((dtype) =>
    (["solve", "apply"] as const).map((verb): Case => ({
      ...{ suite: "gradients", operation: `${verb}Vjp`, dtype, dtypes: [dtype] },
      name: `${dtype}: ${verb}Vjp is linear in α over all its range`,
      kernels: ["solve", "apply", "rowDot", "copy"],
      run: (trial) => linearInAlpha(trial, verb),
    })),
  );
}
