// x / √(mean(x²) + eps) ∘ weight ∘ f(z) and its gradients, row by row, and in f64 whatever the dtype.
import { Job, Operand, Operands } from "./job";
import { align, bytes } from "./lanes";
import { loadRow, multiplyRows, storePair, storeProduct, storeRow } from "./pairs";
import { dot } from "./row-dot";
import { activate } from "./sigmoid";

/** Numbers whose squares would overflow f64 are multiplied by this first, 2⁻⁶⁰⁰. */
const SHRINK: f64 = reinterpret<f64>((<u64>(1023 - 600)) << 52);

/** Says where the rows of f64 lie in the scratch, each `length` bytes long. */
@unmanaged
class Rows {
  p!: i32;
  length!: usize;
  /** This row is x / √(mean(x²) + eps). */
  unit!: usize;
  /** The weight; 0 where there is none. */
  weight!: usize;
  /** This row is z and then f(z); 0 where there is no gate. */
  factor!: usize;
  /** This row is the derivative of f at z. */
  slope!: usize;
  /** This row is ȳ, and then ȳ ∘ weight ∘ f(z). */
  bar!: usize;
  /** This row is ȳ ∘ x / √(mean(x²) + eps). */
  term!: usize;
}

export function gatedNormBytes(job: Job): f64 {
  return <f64>offsetof<Rows>() + 16 + 6 * 8 * (<f64>job.p + 1);
}

function layOut<T>(job: Job, entry: i32, scratch: usize): Rows {
  const rows = changetype<Rows>(scratch);
  const weight = job.operand(Operands.write).entry(entry);
  const length = bytes<f64>(align(job.p, 2));
  rows.p = job.p;
  rows.length = length;
  rows.unit = (scratch + offsetof<Rows>() + 15) & -16;
  rows.factor = job.operand(Operands.erase).start ? rows.unit + length : 0;
  rows.slope = rows.unit + 2 * length;
  rows.bar = rows.unit + 3 * length;
  rows.term = rows.unit + 4 * length;
  rows.weight = weight ? rows.unit + 5 * length : 0;
  if (weight) loadRow<T>(weight, job.p, 1, rows.weight);
  return rows;
}

/** Returns where row i of a batch entry begins. */
function rowOf(operand: Operand, entry: i32, i: i32): usize {
  return operand.entry(entry) + i * operand.row;
}

/** Stages x / root of one row, and returns root = √(mean(x²) + eps). */
function normalize<T>(x: usize, eps: f64, rows: Rows): f64 {
  const p = rows.p;
  const unit = rows.unit;
  let shrink: f64 = 1;
  loadRow<T>(x, p, shrink, unit);
  let root = Math.sqrt(dot<f64>(unit, unit, p) / p + eps);
  if (sizeof<T>() == 8 && root == Infinity) {
    shrink = SHRINK;
    loadRow<T>(x, p, shrink, unit);
    root = Math.sqrt(dot<f64>(unit, unit, p) / p + shrink * (shrink * eps));
  }
  const by = f64x2.splat(root);
  const end = unit + rows.length;
  for (let at = unit; at < end; at += 16) v128.store(at, f64x2.div(v128.load(at), by));
  return root / shrink;
}

/** Computes gatedNorm for the rows [from, to) of one batch entry. */
export function gatedNorm<T>(job: Job, entry: i32, from: i32, to: i32, scratch: usize): void {
  const rows = layOut<T>(job, entry, scratch);
  for (let i = from; i < to; i++) {
    normalize<T>(rowOf(job.operand(Operands.x), entry, i), job.eps, rows);
    if (rows.factor) {
      loadRow<T>(rowOf(job.operand(Operands.erase), entry, i), rows.p, 1, rows.factor);
      activate<T>(rows.factor, rows.length, rows.factor, 0, job.silu != 0);
      multiplyRows(rows.unit, rows.factor, rows.length, rows.unit);
    }
    if (rows.weight) multiplyRows(rows.unit, rows.weight, rows.length, rows.unit);
    storeRow<T>(rows.unit, rows.p, rowOf(job.operand(Operands.out), entry, i));
  }
}

/** Computes the gradients of gatedNorm for the rows [from, to) of one batch entry. */
export function gatedNormVjp<T>(job: Job, entry: i32, from: i32, to: i32, scratch: usize): void {
  const rows = layOut<T>(job, entry, scratch);
  const p = rows.p;
  const length = rows.length;
  const unit = rows.unit;
  const weight = rows.weight;
  const factor = rows.factor;
  const slope = rows.slope;
  const bar = rows.bar;
  const term = rows.term;
  for (let i = from; i < to; i++) {
    const norm = normalize<T>(rowOf(job.operand(Operands.x), entry, i), job.eps, rows);
    loadRow<T>(rowOf(job.operand(Operands.out), entry, i), p, 1, bar);
    multiplyRows(bar, unit, length, term);
    if (factor) {
      loadRow<T>(rowOf(job.operand(Operands.erase), entry, i), p, 1, factor);
      activate<T>(factor, length, factor, slope, job.silu != 0);
      multiplyRows(bar, factor, length, bar);
      if (weight) multiplyRows(slope, weight, length, slope);
      storeTerms<T>(job.operand(Operands.eraseGradient), entry, i, rows, slope);
    }
    storeTerms<T>(job.operand(Operands.writeGradient), entry, i, rows, factor);
    if (weight) multiplyRows(bar, weight, length, bar);
    storeAcross<T>(job.operand(Operands.valueGradient), entry, i, rows, norm);
  }
}

/** Computes a gradient's row ← ȳ ∘ x / √(…) ∘ factor, without the last where it is 0. */
function storeTerms<T>(into: Operand, entry: i32, i: i32, rows: Rows, factor: usize): void {
  if (!into.start) return;
  const to = rowOf(into, entry, i);
  if (factor) storeProduct<T>(rows.term, factor, rows.p, to);
  else storeRow<T>(rows.term, rows.p, to);
}

/** Computes the gradient of x ← (bar − unit mean(bar ∘ unit)) / norm. */
function storeAcross<T>(into: Operand, entry: i32, i: i32, rows: Rows, norm: f64): void {
  if (!into.start) return;
  const unit = rows.unit;
  const bar = rows.bar;
  const along = f64x2.splat(dot<f64>(bar, unit, rows.p) / rows.p);
  const by = f64x2.splat(norm);
  let to = rowOf(into, entry, i);
  let at: usize = 0;
  for (let left = rows.p; left > 0; left -= 2) {
    const across = f64x2.sub(v128.load(bar + at), f64x2.mul(v128.load(unit + at), along));
    storePair<T>(to, left > 1, f64x2.div(across, by));
    to += bytes<T>(2);
    at += 16;
  }
}
