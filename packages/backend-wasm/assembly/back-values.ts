// The two ends of equation (30) of the reference README that have the columns of V: Ō is brought under the panels of Z̄ before a chunk, and
// v̄ = w ∘ B̄ and w̄ = v ∘ B̄ are written after it.
import { Back } from "./delta-back";
import { Job, Operands } from "./job";
import { bytes, loadPart, madd, PANEL, storePart, sumLanes } from "./lanes";

/**
 * Puts s Ō of the chunk under the panels of Z̄, padded with zeros to a multiple of four rows. As s is applied here, Q
 * and M need no scale.
 */
export function stageCotangent<T>(job: Job, back: Back, entry: i32, l: i32, rows: i32): void {
  const cotangent = job.operand(Operands.out);
  const scale = v128.splat<T>(<T>job.alpha);
  const whole = bytes<T>(job.p);
  let row = back.z + back.delta.depth * PANEL;
  let from = cotangent.entry(entry) + l * cotangent.row;
  for (let i = 0; i < ((rows + 3) & -4); i++) {
    let to = row;
    for (let j: usize = 0; j < whole; j += PANEL) {
      if (i >= rows) memory.fill(to, 0, PANEL);
      else if (j + PANEL <= whole) {
        v128.store(to, v128.mul<T>(scale, v128.load(from + j)));
        v128.store(to, v128.mul<T>(scale, v128.load(from + j, 16)), 16);
      } else {
        v128.store(to, v128.mul<T>(scale, loadPart<T>(from, j, job.p)));
        v128.store(to, v128.mul<T>(scale, loadPart<T>(from, j + 16, job.p)), 16);
      }
      to += back.zs;
    }
    from += cotangent.row;
    row += PANEL;
  }
}

/** Writes V̄ = w ∘ B̄. For the write gate's gradient it leaves V ∘ B̄, or its sum over the columns, in `written`. */
export function writeValues<T>(job: Job, back: Back, entry: i32, l: i32, rows: i32): void {
  const delta = back.delta;
  const value = job.operand(Operands.x);
  const gate = job.operand(job.writeWidth ? Operands.write : Operands.erase);
  const gradient = job.operand(Operands.valueGradient);
  const gateGradient = job.operand(Operands.writeGradient);
  const wide = job.writeWidth > 1;
  const whole = bytes<T>(job.p);
  let row = back.z + (delta.depth + ((rows + 3) & -4)) * PANEL;
  let v = value.entry(entry) + l * value.row;
  let w = gate.entry(entry) + l * gate.row;
  let to = gradient.entry(entry) + l * gradient.row;
  let gateTo = gateGradient.entry(entry) + l * gateGradient.row;
  for (let i = 0; i < rows; i++) {
    let b = row;
    let s0 = v128.splat<T>(0);
    let s1 = s0;
    let j: usize = 0;
    // Where the gate has one column, whole panels are written at once; the rest goes vector by vector.
    if (!wide && gradient.start) {
      const gated = v128.load_splat<T>(w);
      for (; j + PANEL <= whole; j += PANEL) {
        const x0 = v128.load(b);
        const x1 = v128.load(b, 16);
        s0 = madd<T>(s0, v128.load(v + j), x0);
        s1 = madd<T>(s1, v128.load(v + j, 16), x1);
        v128.store(to + j, v128.mul<T>(gated, x0));
        v128.store(to + j, v128.mul<T>(gated, x1), 16);
        b += back.zs;
      }
    }
    for (; j < whole; j += 16) {
      const x = v128.load(b);
      const product = v128.mul<T>(loadPart<T>(v, j, job.p), x);
      const gated = v128.mul<T>(wide ? loadPart<T>(w, j, job.p) : v128.load_splat<T>(w), x);
      if (gradient.start) storePart<T>(to, j, job.p, gated);
      if (wide && gateGradient.start) storePart<T>(gateTo, j, job.p, product);
      s0 = v128.add<T>(s0, product);
      b += j & 16 ? back.zs - 16 : 16;
    }
    const sum = v128.add<T>(s0, s1);
    store<T>(back.written + bytes<T>(i), sumLanes<T>(sum));
    if (job.writeWidth == 1 && gateGradient.start) store<T>(gateTo, sumLanes<T>(sum));
    row += PANEL;
    v += value.row;
    w += gate.row;
    to += gradient.row;
    gateTo += gateGradient.row;
  }
}
