/**
 * Core's measures over whole batches, as one number in ε. What they mean, and what `gate` allows, is derived in core's
 * reference README, equations (21) to (25).
 */
import { unitRoundoff, type Dtype, type FloatArray } from "@dlrt/core";
import {
  matrixOf,
  omega,
  omegaApply,
  omegaInverse,
  omegaRowDot,
  omegaState,
  omegaTrilInverse,
  operatorOf,
  recurrent,
  rowsOf,
  type ReferenceOperator,
} from "@dlrt/core/reference";
import { growing, type Problem } from "./problems.js";

/** Those options of a call that change its answer. */
export interface Variant {
  readonly trans: boolean;
  readonly alpha: number;
  /** Whether Z₀ is the problem's state. Otherwise it is 0. */
  readonly stateful: boolean;
}

/** A backward error in units of ε. It is ∞ where something was not finite that should have been. */
export type Omega = number;

export function inRoundoffs(value: number, dtype: Dtype): Omega {
  const omegaInEps = value / unitRoundoff[dtype];
  return Number.isNaN(omegaInEps) ? Infinity : omegaInEps;
}

/** Returns the larger of the two; NaN counts as the worst. */
export function worse(a: Omega, b: Omega): Omega {
  return Number.isNaN(a) || Number.isNaN(b) ? Infinity : Math.max(a, b);
}

/** One batch entry in float64, and which of its rows a backend answers for. */
interface Entry {
  readonly op: ReferenceOperator;
  readonly rhs: Float64Array;
  readonly out: Float64Array;
  readonly state: Float64Array | undefined;
  readonly whole: boolean;
}

/**
 * From the row on where |y| exceeds this, an answer may leave the range of the dtype. It lies a factor of 2²⁴ or more
 * below overflow.
 */
const ample: Readonly<Record<Dtype, number>> = { f32: 2 ** 90, f64: 2 ** 900 };

/** Counts the rows that are visited before the true answer of a growing problem comes near overflow. */
function safeRows(op: ReferenceOperator, problem: Problem, entry: number, variant: Variant): number {
  const { n, p } = problem.sizes;
  if (!growing.has(problem.family)) return n;
  const rhs = matrixOf(problem.rhs, problem.sizes.batch, entry);
  const state = stateOf(problem, entry, variant);
  const { y } = recurrent.solve(op, rhs, p, { trans: variant.trans, initialState: state });
  for (let step = 0; step < n; step++) {
    const i = variant.trans ? n - 1 - step : step;
    for (let j = 0; j < p; j++) if (!(Math.abs(y[i * p + j]!) <= ample[problem.dtype])) return step;
  }
  return n;
}

function stateOf(problem: Problem, entry: number, { stateful }: Variant): Float64Array | undefined {
  return stateful ? matrixOf(problem.state, problem.sizes.batch, entry) : undefined;
}

function entryOf(problem: Problem, out: FloatArray, entry: number, variant: Variant, rows?: number): Entry {
  const { batch, n, p } = problem.sizes;
  const op = operatorOf({ ...problem.sizes, ...problem }, entry);
  const safe = rows ?? safeRows(op, problem, entry, variant);
  const [start, end] = variant.trans ? [n - safe, n] : [0, safe];
  return {
    op: rowsOf(op, start, end),
    rhs: matrixOf(problem.rhs, batch, entry).subarray(start * p, end * p),
    out: matrixOf(out, batch, entry).subarray(start * p, end * p),
    state: stateOf(problem, entry, variant),
    whole: safe === n,
  };
}

/**
 * Returns ω of `out`, and of `finalState` where it is given, as results of solve; in ε.
 *
 * @param out batch·n·p
 * @param finalState batch·r·p
 */
export function omegaOfSolve(
  problem: Problem,
  variant: Variant,
  out: FloatArray,
  finalState?: FloatArray,
): Omega {
  const { dtype } = problem;
  const { batch, p } = problem.sizes;
  const { trans, alpha } = variant;
  let worst = 0;
  for (let e = 0; e < batch && p > 0; e++) {
    const { op, rhs, out: y, state, whole } = entryOf(problem, out, e, variant);
    worst = worse(worst, omega(op, y, rhs, p, { trans, alpha, initialState: state, dtype }));
    if (finalState !== undefined && whole && alpha !== 0) {
      const z = matrixOf(finalState, batch, e);
      worst = worse(worst, omegaState(op, z, y, p, { trans, initialState: state, xScale: alpha, dtype }));
    }
  }
  return inRoundoffs(worst, problem.dtype);
}

/** Does what `omegaOfSolve` does, for apply. For an operator without Λ, pass `lambda: false`. */
export function omegaOfApply(
  problem: Problem,
  variant: Variant & { readonly lambda?: boolean },
  out: FloatArray,
  finalState?: FloatArray,
): Omega {
  const { dtype } = problem;
  const { batch, n, p } = problem.sizes;
  const { trans, alpha, lambda = true } = variant;
  let worst = 0;
  for (let e = 0; e < batch && p > 0; e++) {
    const { op: full, rhs, out: y, state } = entryOf(problem, out, e, variant, n);
    const op = lambda ? full : { ...full, diag: undefined };
    worst = worse(worst, omegaApply(op, y, rhs, p, { trans, alpha, initialState: state, dtype }));
    if (finalState !== undefined) {
      worst = worse(
        worst,
        omegaState(op, matrixOf(finalState, batch, e), rhs, p, { trans, initialState: state, dtype }),
      );
    }
  }
  return inRoundoffs(worst, problem.dtype);
}

/**
 * Returns the largest |X̂ − X| beside |X||T||X|, in ε.
 *
 * @param out batch·n·n
 */
export function omegaOfInverse(problem: Problem, out: FloatArray): Omega {
  const { dtype } = problem;
  const { batch, n } = problem.sizes;
  let worst = 0;
  for (let e = 0; e < batch && n > 0; e++) {
    const op = operatorOf({ ...problem.sizes, ...problem }, e);
    worst = worse(worst, omegaInverse(op, matrixOf(out, batch, e), { dtype }));
  }
  return inRoundoffs(worst, dtype);
}

/**
 * Does the same for dense blocks.
 *
 * @param a batch·c·c
 * @param out batch·c·c
 */
export function omegaOfTrilInverse(a: FloatArray, out: FloatArray, batch: number, c: number): Omega {
  const dtype = dtypeOf(a);
  let worst = 0;
  for (let e = 0; e < batch && c > 0; e++) {
    worst = worse(worst, omegaTrilInverse(matrixOf(a, batch, e), matrixOf(out, batch, e), c, { dtype }));
  }
  return inRoundoffs(worst, dtype);
}

/** Returns the largest |out − α x·y| beside |α| |x|·|y| over `rows` rows of p, in ε. */
export function omegaOfRowDot(
  [x, y, out]: readonly [x: FloatArray, y: FloatArray, out: FloatArray],
  alpha: number,
  p: number,
): Omega {
  return inRoundoffs(omegaRowDot(x, y, out, p, alpha), dtypeOf(out));
}

function dtypeOf(a: FloatArray): Dtype {
  return a.BYTES_PER_ELEMENT === 4 ? "f32" : "f64";
}
