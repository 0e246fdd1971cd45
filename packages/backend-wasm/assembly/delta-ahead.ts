import { Delta, Head } from "./delta";
import { Back } from "./delta-back";
import { Decay, Job, Operand, Operands } from "./job";
import { bytes } from "./lanes";
import { touch } from "./panels";

// Rows of heads that lie side by side are too short for the processor to fetch them ahead by itself: what the next head's chunk
// needs is read while this one's panels are computed, some rows for every panel, lest those wait for one another.

/** Rows of keys, values and gaps from row l on, and of queries and the output where they are wanted. */
export function touchRows<T>(delta: Delta, head: Head, l: i32, rows: i32, reads: bool): void {
  touch(head.k + l * delta.ks, delta.ks, rows, bytes<T>(delta.r));
  touch(head.v + l * delta.vs, delta.vs, rows, bytes<T>(delta.cols));
  if (delta.early) touch(head.eraseKey + l * delta.eks, delta.eks, rows, bytes<T>(delta.r));
  if (delta.decay == Decay.channel) touch(head.gap + l * delta.ps, delta.ps, rows, bytes<T>(delta.r));
  if (!reads) return;
  touch(head.q + l * delta.qs, delta.qs, rows, bytes<T>(delta.r));
  touch(head.out + l * delta.os, delta.os, rows, bytes<T>(delta.cols));
}

/** The same for the way back, the output's cotangent in its place, with the gradients' rows and a panel of the chunk's record. */
export function touchBack<T>(job: Job, back: Back, l: i32, rows: i32, record: usize): void {
  const entry = back.nextEntry;
  touch(record, 0, 1, back.rowBytes);
  touchRows<T>(back.delta, back.next, l, rows, true);
  touchOperand<T>(job.operand(Operands.queryGradient), entry, l, rows, job.r);
  touchOperand<T>(job.operand(Operands.keyGradient), entry, l, rows, job.r);
  touchOperand<T>(job.operand(Operands.eraseKeyGradient), entry, l, rows, job.r);
  touchOperand<T>(job.operand(Operands.valueGradient), entry, l, rows, job.p);
}

function touchOperand<T>(operand: Operand, entry: i32, l: i32, rows: i32, cols: i32): void {
  if (operand.start) touch(operand.entry(entry) + l * operand.row, operand.row, rows, bytes<T>(cols));
}
