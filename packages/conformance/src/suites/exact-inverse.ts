import { newFloatArray, type Dtype, type FloatArray } from "@dlrt/core";
import { operatorOf, recurrent } from "@dlrt/core/reference";
import { makeExact } from "../exact.js";
import { nameOf, type Problem } from "../problems.js";
import { denseBlocks } from "./tril-inverse.js";

/** T⁻¹ of a problem of the exact class, batch·n·n. */
export function exactInverse(problem: Problem): Float64Array {
  const { batch, n } = problem.sizes;
  const x = new Float64Array(batch * n * n);
  for (let e = 0; e < batch; e++) {
    x.set(recurrent.inverse(operatorOf({ ...problem.sizes, ...problem }, e)), e * n * n);
  }
  return x;
}

/** Blocks A whose merged inverses are exact, A⁻¹, and their name. */
export function exactBlocks(
  dtype: Dtype,
  batch: number,
  c: number,
  seed: number,
): { a: FloatArray; x: Float64Array; where: string } {
  const problem = makeExact({ batch, n: c, r: 8, p: 0 }, dtype, seed);
  const a = newFloatArray(dtype, batch * c * c);
  a.set(denseBlocks(problem));
  return { a, x: exactInverse(problem), where: `trilInverse of a block of ${nameOf(problem)}` };
}
