import { Job, Operands } from "./job";
import { align, bytes } from "./lanes";
import { loadPair, loadRow, storePair } from "./pairs";
import { dot } from "./row-dot";
import { activation, fading, slope } from "./sigmoid";

/** Numbers whose squares would overflow f64 are multiplied by this first, 2⁻⁶⁰⁰. */
const SHRINK: f64 = reinterpret<f64>(<u64>(1023 - 600) << 52);

/** Bytes of two rows as f64. */
export function gatedNormBytes(job: Job): f64 {
  return 16 + 16 * (<f64>job.p + 1);
}

/** Computes x / root of one row as f64, and returns root = √(mean(x²) + eps). */
function normalize<T>(x: usize, p: i32, eps: f64, unit: usize): f64 {
  let shrink: f64 = 1;
  loadRow<T>(x, p, shrink, unit);
  let root = Math.sqrt(dot<f64>(unit, unit, p) / p + eps);
  if (sizeof<T>() == 8 && root == Infinity) {
    shrink = SHRINK;
    loadRow<T>(x, p, shrink, unit);
    root = Math.sqrt(dot<f64>(unit, unit, p) / p + shrink * shrink * eps);
  }
  const by = f64x2.splat(root);
  const end = unit + bytes<f64>(align(p, 2));
  for (let at = unit; at < end; at += 16) v128.store(at, f64x2.div(v128.load(at), by));
  return root / shrink;
}

/** gatedNorm for the rows [from, to) of one batch entry, in f64 whatever the dtype. */
export function gatedNorm<T>(job: Job, entry: i32, from: i32, to: i32, scratch: usize): void {
  const unit = (scratch + 15) & -16;
  const x = job.operand(Operands.x);
  const gate = job.operand(Operands.erase);
  const out = job.operand(Operands.out);
  const weight = job.operand(Operands.write).entry(entry);
  for (let i = from; i < to; i++) {
    normalize<T>(x.entry(entry) + i * x.row, job.p, job.eps, unit);
    const z = gate.start ? gate.entry(entry) + i * gate.row : 0;
    scaleRow<T>(unit, z, weight, out.entry(entry) + i * out.row, job.p, job.silu != 0);
  }
}

/** out ← unit ∘ weight ∘ f(z); 1 in place of a factor that is not there. */
function scaleRow<T>(unit: usize, z: usize, weight: usize, out: usize, p: i32, silu: bool): void {
  let at: usize = 0;
  for (let left = p; left > 0; left -= 2) {
    const both = left > 1;
    let y = v128.load(unit);
    if (z) {
      const given = loadPair<T>(z + at, both);
      y = f64x2.mul(y, activation(given, fading(given), silu));
    }
    if (weight) y = f64x2.mul(y, loadPair<T>(weight + at, both));
    storePair<T>(out + at, both, y);
    unit += 16;
    at += bytes<T>(2);
  }
}

/** The gradients of gatedNorm for the rows [from, to) of one batch entry. */
export function gatedNormVjp<T>(job: Job, entry: i32, from: i32, to: i32, scratch: usize): void {
  const p = job.p;
  const unit = (scratch + 15) & -16;
  const bar = unit + bytes<f64>(align(p, 2));
  const x = job.operand(Operands.x);
  const into = job.operand(Operands.valueGradient);
  for (let i = from; i < to; i++) {
    const norm = normalize<T>(x.entry(entry) + i * x.row, p, job.eps, unit);
    factorsBack<T>(job, entry, i, unit, bar);
    if (!into.start) continue;
    const along = f64x2.splat(dot<f64>(bar, unit, p) / p);
    const by = f64x2.splat(norm);
    let row = into.entry(entry) + i * into.row;
    for (let at: usize = 0; at < bytes<f64>(p); at += 16) {
      const y = f64x2.sub(v128.load(bar + at), f64x2.mul(v128.load(unit + at), along));
      storePair<T>(row, at + 8 < bytes<f64>(p), f64x2.div(y, by));
      row += bytes<T>(2);
    }
  }
}

/** Of row i: bar ← ȳ ∘ weight ∘ f(z), and the gradients of z and of the weight. */
function factorsBack<T>(job: Job, entry: i32, i: i32, unit: usize, bar: usize): void {
  const cotangent = job.operand(Operands.out);
  const gate = job.operand(Operands.erase);
  const zGradient = job.operand(Operands.eraseGradient);
  const terms = job.operand(Operands.writeGradient);
  let y = cotangent.entry(entry) + i * cotangent.row;
  let z = gate.start ? gate.entry(entry) + i * gate.row : 0;
  let weight = job.operand(Operands.write).entry(entry);
  let toZ = gate.start && zGradient.start ? zGradient.entry(entry) + i * zGradient.row : 0;
  let toTerms = terms.start ? terms.entry(entry) + i * terms.row : 0;
  const silu = job.silu != 0;
  for (let left = job.p; left > 0; left -= 2) {
    const both = left > 1;
    const given = loadPair<T>(y, both);
    const along = f64x2.mul(given, v128.load(unit));
    const w = weight ? loadPair<T>(weight, both) : f64x2.splat(1);
    let f = f64x2.splat(1);
    if (z) {
      const value = loadPair<T>(z, both);
      const fade = fading(value);
      f = activation(value, fade, silu);
      if (toZ) {
        storePair<T>(toZ, both, f64x2.mul(f64x2.mul(along, w), slope(value, fade, silu)));
        toZ += bytes<T>(2);
      }
      z += bytes<T>(2);
    }
    if (toTerms) {
      storePair<T>(toTerms, both, f64x2.mul(along, f));
      toTerms += bytes<T>(2);
    }
    if (weight) weight += bytes<T>(2);
    v128.store(bar, f64x2.mul(given, f64x2.mul(w, f)));
    y += bytes<T>(2);
    unit += 16;
    bar += 16;
  }
}
