import { newFloatArray, type Dtype, type FloatArray, type Shape, type Sizes } from "@dlrt/core";
import { families, type Draw, type FamilyName } from "./families.js";
import { drawGates, sayGates, type Gates } from "./gates.js";
import { Random } from "./random.js";

export { familyNames, growing, type FamilyName } from "./families.js";

/** Operator, right-hand side and initial state, rounded to the dtype: what both the backend and the reference see. */
export interface Problem {
  readonly family: string;
  readonly dtype: Dtype;
  readonly sizes: Sizes;
  readonly seed: number;
  /** λ, batch·n */
  readonly diag: FloatArray;
  /** batch·n·r */
  readonly q: FloatArray;
  /** batch·n·r */
  readonly k: FloatArray;
  /** B or X, batch·n·p */
  readonly rhs: FloatArray;
  /** Z₀, batch·r·p */
  readonly state: FloatArray;
  /** g, batch·n (one number a row) or batch·n·r (one a row and channel). Absent: no decay. */
  readonly decay?: FloatArray | undefined;
  /** How the decay was drawn. */
  readonly gates?: Gates | undefined;
}

/** Makes the problem that family, sizes, dtype, seed and gates stand for. Without gates it does not decay. */
export function makeProblem(
  family: FamilyName,
  sizes: Sizes,
  dtype: Dtype,
  seed: number,
  gates?: Gates,
): Problem {
  const { batch, n, r, p } = sizes;
  const random = new Random(seed);
  const diag = newFloatArray(dtype, batch * n);
  const q = newFloatArray(dtype, batch * n * r);
  const k = newFloatArray(dtype, batch * n * r);
  const rhs = newFloatArray(dtype, batch * n * p);
  const state = newFloatArray(dtype, batch * r * p);
  for (let entry = 0; entry < batch; entry++) {
    const one = families[family](random, n, r);
    diag.set(one.diag, entry * n);
    q.set(one.q, entry * n * r);
    k.set(one.k, entry * n * r);
    fill(random, one, rhs.subarray(entry * n * p, (entry + 1) * n * p), p);
    fill(random, { positive: one.positive }, state.subarray(entry * r * p, (entry + 1) * r * p), p);
  }
  const problem = { family, dtype, sizes, seed, diag, q, k, rhs, state };
  return gates ? { ...problem, gates, ...drawGates(gates, sizes, dtype, seed, rhs) } : problem;
}

/** Fills rows of p with normal numbers, as far as the family leaves them free. */
function fill(
  random: Random,
  { firstOf, positive }: { [name in "firstOf" | "positive"]?: Draw[name] | undefined },
  rows: FloatArray,
  p: number,
): void {
  random.fillNormal(rows);
  firstOf?.forEach((first, i) => rows.copyWithin(i * p, first * p, (first + 1) * p));
  if (positive) for (let at = 0; at < rows.length; at++) rows[at] = Math.abs(rows[at]!);
}

/** Returns what a report or a failure says about a problem. It is enough to make the problem again. */
export function nameOf(problem: Pick<Problem, "family" | "dtype" | "sizes" | "seed" | "gates">): string {
  const { family, dtype, sizes, seed, gates } = problem;
  const { batch, n, r, p } = sizes;
  const drawn = gates ? `${family}, ${sayGates(gates)}` : family;
  return `${drawn}, ${dtype}, batch ${batch}, n ${n}, r ${r}, p ${p}, seed ${seed}`;
}

/** Returns the name under which a report gathers a problem's ω: with decay that of the gates, which matter more. */
export function groupOf({ family, gates }: Pick<Problem, "family" | "gates">): string {
  return gates ? sayGates(gates) : family;
}

/** Tells whether the decay has a number for each row and channel, rather than one for each row. */
export function perChannel({ sizes: { batch, n }, decay }: Pick<Problem, "sizes" | "decay">): boolean {
  return decay !== undefined && decay.length !== batch * n;
}

/** Returns the shapes of a problem's arrays. */
export function shapesOf({ batch, n, r, p }: Sizes): Record<"diag" | "factor" | "rhs" | "state", Shape> {
  return { diag: [batch, n, 1], factor: [batch, n, r], rhs: [batch, n, p], state: [batch, r, p] };
}

/** Returns the shape of a problem's decay, where it has one. */
export function decayShapeOf(problem: Pick<Problem, "sizes" | "decay">): Shape {
  const { diag, factor } = shapesOf(problem.sizes);
  return perChannel(problem) ? factor : diag;
}
