import { Delta, Head } from "./delta";
import { Back } from "./delta-back";
import { Decay, Job, Operand, Operands } from "./job";
import { bytes } from "./lanes";
import { touch } from "./panels";

// A processor fetches ahead by itself what is read in one long run. The rows of a head in [B, T, H·D] are too short for that. What the next
// head's chunk needs is therefore read, a byte a cache line, while the panels of this head's chunk are computed: some rows for every panel,
// because many at once would wait for one another. It saves 2 to 9 % of a call.

/** Touches rows of keys, values and gaps from row l on, and where it `reads` those of queries and the output too. */
export function touchRows<T>(delta: Delta, head: Head, l: i32, rows: i32, reads: bool): void {
  touch(head.k + l * delta.ks, delta.ks, rows, bytes<T>(delta.r));
  touch(head.v + l * delta.vs, delta.vs, rows, bytes<T>(delta.cols));
  if (delta.early) touch(head.eraseKey + l * delta.eks, delta.eks, rows, bytes<T>(delta.r));
  if (delta.decay == Decay.channel) touch(head.gap + l * delta.ps, delta.ps, rows, bytes<T>(delta.r));
  if (!reads) return;
  touch(head.q + l * delta.qs, delta.qs, rows, bytes<T>(delta.r));
  touch(head.out + l * delta.os, delta.os, rows, bytes<T>(delta.cols));
}

/**
 * Does the same for the gradients, where `out` is the output's cotangent. It touches the gradients' rows and a panel of the chunk's
 * record besides.
 */
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
