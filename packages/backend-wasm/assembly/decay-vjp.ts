import { Job, Operands } from "./job";
import { bytes } from "./lanes";
import { addExactly, loadPair } from "./pairs";

/**
 * The bytes of the running sums of `segment` channels. A vector holds two channels; each sum is followed by a vector of
 * what it has lost to roundings.
 */
export function decayVjpBytes(job: Job): f64 {
  return 16 * (<f64>job.segment + 1);
}

/**
 * Computes ḡ of the channels [from, to) of one batch entry (reference README, equation (27)). It is running sums over the rows, kept in f64
 * whatever the dtype, together with what their roundings lose. Where the decay has one channel, all channels of Q and K are added up in its
 * sum.
 */
export function decayVjp<T>(job: Job, entry: i32, from: i32, to: i32, sums: usize): void {
  const decay = job.operand(Operands.decay);
  const q = job.operand(Operands.q);
  const k = job.operand(Operands.k);
  const qGradient = job.operand(Operands.x);
  const kGradient = job.operand(Operands.y);
  const out = job.operand(Operands.out);
  const added = job.p == 1;
  const channels = added ? job.r : to - from;
  const first = bytes<T>(from);
  begin<T>(job, entry, from, channels, added, sums);
  const trans = job.trans != 0;
  const last: usize = trans ? job.n - 1 : 0;
  const back: isize = trans ? -1 : 1;
  let gap = decay.entry(entry) + last * decay.row + first;
  let row = out.entry(entry) + last * out.row + first;
  let qi = q.entry(entry) + last * q.row + first;
  let ki = k.entry(entry) + last * k.row + first;
  let qg = qGradient.entry(entry) + last * qGradient.row + first;
  let kg = kGradient.entry(entry) + last * kGradient.row + first;
  for (let i = 0; i < job.n; i++) {
    if (!trans) write<T>(sums, gap, added ? 1 : channels, row);
    addRow<T>(qi, qg, ki, kg, channels, added, trans, sums);
    if (trans) write<T>(sums, gap, added ? 1 : channels, row);
    gap += back * decay.row;
    row += back * out.row;
    qi += back * q.row;
    ki += back * k.row;
    qg += back * qGradient.row;
    kg += back * kGradient.row;
  }
}

/** The sums, or where channels are `added` their two parts, start from ⟨Z₀, Z̄₀⟩. */
function begin<T>(job: Job, entry: i32, from: i32, channels: i32, added: bool, sums: usize): void {
  memory.fill(sums, 0, added ? 32 : 32 * ((channels + 1) >> 1));
  const start = job.operand(Operands.initialState);
  let at = start.entry(entry) + from * start.row;
  if (!start.start) return;
  for (let m = 0; m < channels; m++) {
    const sum = added ? sums : sums + 32 * (m >> 1);
    addExactly(sum, m & 1 ? f64x2(0, <f64>load<T>(at)) : f64x2(<f64>load<T>(at), 0));
    at += start.row;
  }
}

/** Adds q ∘ q̄ − k ∘ k̄ of one row to the sums where `trans` is set, and subtracts it otherwise. */
function addRow<T>(
  q: usize,
  qGradient: usize,
  k: usize,
  kGradient: usize,
  channels: i32,
  added: bool,
  trans: bool,
  sums: usize,
): void {
  for (let m = 0; m < channels; m += 2) {
    const both = m + 1 < channels;
    const left = f64x2.mul(loadPair<T>(q, both), loadPair<T>(qGradient, both));
    const right = f64x2.mul(loadPair<T>(k, both), loadPair<T>(kGradient, both));
    addExactly(sums, trans ? f64x2.sub(left, right) : f64x2.sub(right, left));
    if (!added) sums += 32;
    q += bytes<T>(2);
    qGradient += bytes<T>(2);
    k += bytes<T>(2);
    kGradient += bytes<T>(2);
  }
}

/**
 * Writes one row of ḡ from the sums. It is 0 where g = −∞. Where the decay has a single channel, its sum is in two
 * parts.
 */
function write<T>(sums: usize, gap: usize, channels: i32, out: usize): void {
  if (channels == 1) {
    const sum = load<f64>(sums) + load<f64>(sums, 8) + (load<f64>(sums, 16) + load<f64>(sums, 24));
    store<T>(out, load<T>(gap) == -(<T>Infinity) ? 0 : <T>sum);
    return;
  }
  for (let m = 0; m < channels; m++) {
    const sum = sums + 32 * (m >> 1) + 8 * (m & 1);
    const value = load<f64>(sum) + load<f64>(sum, 16);
    store<T>(out + bytes<T>(m), load<T>(gap + bytes<T>(m)) == -(<T>Infinity) ? 0 : <T>value);
  }
}
