/**
 * Gradients from the dense definition: T̄, the n×n gradient with respect to every entry of T, is formed. A backend's
 * gradients never form it, so the two ways share nothing. Equations (15) to (19).
 *
 * All of it is computed in double-double and rounded to float64 at the end: it judges float64 gradients too, which are
 * sums of products of solutions, with roundings of their own.
 */
import {
  addPairProduct,
  addScaled,
  copyOf,
  exactly,
  multiplyEach,
  rounded,
  scaledPairs,
  zeroPairs,
  type Pairs,
} from "./double-double.js";
import { factorPairs } from "./double-double-exp.js";
import { transpose } from "./matrix.js";
import { startingState, roles } from "./operator.js";
import * as precise from "./precise.js";
import type { ReferenceOperator, ReferenceOptions } from "./types.js";

export interface VjpOptions extends Pick<ReferenceOptions, "trans" | "alpha" | "initialState"> {
  /** Z̄_f, the cotangent of the final state, r×p. Default 0. */
  readonly finalStateCotangent?: Float64Array | undefined;
}

export interface OperatorGradients {
  /** λ̄, n; given for an operator without Λ too */
  readonly diag: Float64Array;
  /** Q̄, n×r */
  readonly q: Float64Array;
  /** K̄, n×r */
  readonly k: Float64Array;
  /** ḡ, n or n×r as the decay, 0 where that is −∞; there when the operator has one */
  readonly decay?: Float64Array;
}

export interface SolveGradients extends OperatorGradients {
  /** B̄, n×p */
  readonly b: Float64Array;
  /** Z̄₀, r×p */
  readonly initialState: Float64Array;
}

export interface ApplyGradients extends OperatorGradients {
  /** X̄, n×p */
  readonly x: Float64Array;
  /** Z̄₀, r×p */
  readonly initialState: Float64Array;
}

/** Gradients of y and finalState = `solve(op, b, p, options)`, for the cotangent Ȳ of y, n×p: equations (16), (17). */
export function solveVjp(
  op: ReferenceOperator,
  b: Float64Array,
  p: number,
  cotangent: Float64Array,
  options: VjpOptions = {},
): SolveGradients {
  const { trans = false, alpha = 1, initialState, finalStateCotangent } = options;
  const { n, r } = op;
  const { g } = roles(op, trans);
  const { y } = precise.solve(op, exactly(b), p, {
    trans,
    initialState: initialState && exactly(initialState),
  });
  const c = scaledPairs(alpha, exactly(cotangent));
  addPairProduct(c, across(op, trans).write(g), exactly(startingState(finalStateCotangent, r, p)), [n, r, p]);
  const gB = precise.solve(op, c, p, { trans: !trans }).y;
  return { b: rounded(gB), ...throughBilinear(op, p, scaledPairs(-1, gB), y, options) };
}

/** Gradients of y and finalState = `apply(op, x, p, options)`, for the cotangent Ȳ of y, n×p: equations (16), (18). */
export function applyVjp(
  op: ReferenceOperator,
  x: Float64Array,
  p: number,
  cotangent: Float64Array,
  options: VjpOptions = {},
): ApplyGradients {
  const { trans = false, alpha = 1, finalStateCotangent } = options;
  const { n, r } = op;
  const { g } = roles(op, trans);
  const c = scaledPairs(alpha, exactly(cotangent));
  const gX = precise.apply(op, c, p, { trans: !trans }).y;
  addPairProduct(gX, across(op, trans).write(g), exactly(startingState(finalStateCotangent, r, p)), [
    n,
    r,
    p,
  ]);
  return { x: rounded(gX), ...throughBilinear(op, p, c, exactly(x), options) };
}

/** Gradients of Y = T⁻¹ for the cotangent Ȳ, n×n, whose strict upper triangle has no effect: equation (19). */
export function inverseVjp(op: ReferenceOperator, cotangent: Float64Array): OperatorGradients {
  const { n } = op;
  const yT = transposePairs(precise.inverse(op), n, n);
  const half = product(scaledPairs(-1, yT), exactly(cotangent), [n, n, n]);
  return throughDefinition(op, product(half, yT, [n, n, n]));
}

/** From T̄ to λ̄, Q̄, K̄, ḡ: equation (15). */
function throughDefinition(op: ReferenceOperator, gT: Pairs): OperatorGradients {
  const { n, r } = op;
  const into = { diag: zeroPairs(n), q: zeroPairs(n * r), k: zeroPairs(n * r), gaps: zeroPairs(n * r) };
  addThroughDefinition(op, gT, into);
  return roundedGradients(op, into);
}

/** Gradients of an operator, that of the gaps for every channel, n×r. */
type PairGradients = Record<"diag" | "q" | "k" | "gaps", Pairs>;

/** Equation (15), added to what `into` holds. */
function addThroughDefinition(op: ReferenceOperator, gT: Pairs, into: PairGradients): void {
  const { n, r } = op;
  const [q, k] = [exactly(op.q), exactly(op.k)];
  for (let i = 0; i < n; i++) addScaled(into.diag, i, [1, 0], gT, i * n + i, 1);
  if (op.decay === undefined) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < i; j++) {
        const entry = [gT.hi[i * n + j]!, gT.lo[i * n + j]!] as const;
        addScaled(into.q, i * r, entry, k, j * r, r);
        addScaled(into.k, j * r, entry, q, i * r, r);
      }
    }
    return;
  }
  const factors = factorPairs(op);
  for (let i = 0; i < n; i++) {
    const e = { hi: new Float64Array(r).fill(1), lo: new Float64Array(r) }; // e^{g_{j+1} + … + g_i}
    const terms = zeroPairs(i * r); // T̄_ij q_i ∘ e ∘ k_j
    for (let j = i - 1; j >= 0; j--) {
      const entry = [gT.hi[i * n + j]!, gT.lo[i * n + j]!] as const;
      multiplyEach(e, 0, factors, (j + 1) * r, r);
      const [toQ, toK] = [zeroPairs(r), zeroPairs(r)];
      addScaled(toQ, 0, entry, k, j * r, r);
      addScaled(toK, 0, entry, q, i * r, r);
      multiplyEach(toQ, 0, e, 0, r);
      multiplyEach(toK, 0, e, 0, r);
      addScaled(into.q, i * r, [1, 0], toQ, 0, r);
      addScaled(into.k, j * r, [1, 0], toK, 0, r);
      addScaled(terms, j * r, [1, 0], toQ, 0, r);
      multiplyEach(terms, j * r, q, i * r, r);
    }
    // Row i meets rows before t through the gap that row t owns, t ≤ i.
    const before = zeroPairs(r);
    for (let t = 1; t <= i; t++) {
      addScaled(before, 0, [1, 0], terms, (t - 1) * r, r);
      addScaled(into.gaps, t * r, [1, 0], before, 0, r);
    }
  }
}

/** All gradients but the right-hand side's, where that of op(T) is L Rᵀ and L, R are n×p: equation (16). */
function throughBilinear(
  op: ReferenceOperator,
  p: number,
  left: Pairs,
  right: Pairs,
  { trans = false, initialState, finalStateCotangent }: VjpOptions,
): OperatorGradients & { initialState: Float64Array } {
  const { n, r } = op;
  const { f, g } = roles(op, trans);
  const { read, write, through } = across(op, trans);
  const [z0, zf] = [initialState, finalStateCotangent].map((z) => startingState(z, r, p));
  const [gF, gG] = [zeroPairs(n * r), zeroPairs(n * r)];
  addPairProduct(gF, left, exactly(transpose(z0!, r, p)), [n, p, r]);
  addPairProduct(gG, right, exactly(transpose(zf!, r, p)), [n, p, r]);
  multiplyEach(gF, 0, read(new Float64Array(n * r).fill(1)), 0, n * r);
  multiplyEach(gG, 0, write(new Float64Array(n * r).fill(1)), 0, n * r);
  const gaps = zeroPairs(n * r);
  if (op.decay) addAcross(gaps, op, trans, [gF, exactly(f)], [gG, exactly(g)], through(z0!, p), exactly(zf!));
  const into = { diag: zeroPairs(n), q: trans ? gG : gF, k: trans ? gF : gG, gaps };
  const outer = product(left, transposePairs(right, n, p), [n, p, n]);
  addThroughDefinition(op, trans ? transposePairs(outer, n, n) : outer, into);
  const gState = through(zf!, p);
  addPairProduct(gState, transposePairs(read(f), n, r), left, [r, n, p]);
  return { ...roundedGradients(op, into), initialState: rounded(gState) };
}

/** What states add to the gradients of the gaps: Z₀ on its way to each row and to the end, and each row on its way there. */
function addAcross(
  gaps: Pairs,
  { n, r }: ReferenceOperator,
  trans: boolean,
  [gF, f]: readonly [Pairs, Pairs],
  [gG, g]: readonly [Pairs, Pairs],
  z0: Pairs,
  zf: Pairs,
): void {
  const p = n === 0 ? 0 : z0.hi.length / Math.max(r, 1);
  multiplyEach(z0, 0, zf, 0, z0.hi.length);
  const [reads, writes] = [copyOf(gF), copyOf(gG)];
  multiplyEach(reads, 0, f, 0, n * r);
  multiplyEach(writes, 0, g, 0, n * r);
  for (let t = 0; t < n; t++) {
    for (let m = 0; m < r; m++) {
      for (let j = 0; j < p; j++) addScaled(gaps, t * r + m, [1, 0], z0, m * p + j, 1);
    }
    for (let i = 0; i < n; i++) {
      if (trans ? i < t : i >= t) addScaled(gaps, t * r, [1, 0], reads, i * r, r);
      if (trans ? i >= t : i < t) addScaled(gaps, t * r, [1, 0], writes, i * r, r);
    }
  }
}

/** By what Z₀ has decayed at each row and after the last, and each row's contribution at the end. */
function across(
  op: ReferenceOperator,
  trans: boolean,
): {
  /** F with row i multiplied by the factor with which it reads Z₀ */
  read(f: Float64Array): Pairs;
  /** G with row i multiplied by the factor with which it is in the final state */
  write(g: Float64Array): Pairs;
  /** What is left of a state, r×p, after all rows */
  through(z: Float64Array, p: number): Pairs;
} {
  const { n, r } = op;
  const factors = factorPairs(op);
  /** From `first` on, rows × products of the factors of the gaps that `gapOf` names, each with the row's own. */
  const products = (steps: readonly number[], gapOf: (i: number) => number | undefined): Pairs => {
    const rows = zeroPairs(n * r);
    const running = { hi: new Float64Array(r).fill(1), lo: new Float64Array(r) };
    for (const i of steps) {
      const own = gapOf(i);
      if (own !== undefined) multiplyEach(running, 0, factors, own * r, r);
      addScaled(rows, i * r, [1, 0], running, 0, r);
    }
    return rows;
  };
  const up = Array.from({ length: n }, (_, i) => i);
  const down = [...up].reverse();
  const fromStart = (): Pairs => products(up, (i) => i); // e^{g_0 + … + g_i}
  const toEnd = (): Pairs => products(down, (i) => (i + 1 < n ? i + 1 : undefined)); // e^{g_{i+1} + … + g_{n−1}}
  const times = (rows: Pairs, a: Float64Array): Pairs => {
    multiplyEach(rows, 0, exactly(a), 0, n * r);
    return rows;
  };
  return {
    read: (f) => times(trans ? toEnd() : fromStart(), f),
    write: (g) => times(trans ? fromStart() : toEnd(), g),
    through: (z, p) => {
      const left = copyOf(exactly(z));
      for (let i = 0; i < n; i++) {
        for (let at = 0; at < r * p; at++) multiplyEach(left, at, factors, i * r + Math.floor(at / p), 1);
      }
      return left;
    },
  };
}

/** ḡ as the decay is: the channels added up where they share one number a row. Through a reset nothing passes. */
function roundedGradients(op: ReferenceOperator, { diag, q, k, gaps }: PairGradients): OperatorGradients {
  const { n, r, decay } = op;
  const rest = { diag: rounded(diag), q: rounded(q), k: rounded(k) };
  if (decay === undefined) return rest;
  const own = zeroPairs(decay.length);
  for (let at = 0; at < n * r; at++) {
    addScaled(own, decay.length === n ? Math.floor(at / r) : at, [1, 0], gaps, at, 1);
  }
  return { ...rest, decay: rounded(own).map((value, at) => (decay[at] === -Infinity ? 0 : value)) };
}

function product(a: Pairs, b: Pairs, size: readonly [rows: number, inner: number, cols: number]): Pairs {
  const c = zeroPairs(size[0] * size[2]);
  addPairProduct(c, a, b, size);
  return c;
}

function transposePairs({ hi, lo }: Pairs, rows: number, cols: number): Pairs {
  return { hi: transpose(hi, rows, cols), lo: transpose(lo, rows, cols) };
}
