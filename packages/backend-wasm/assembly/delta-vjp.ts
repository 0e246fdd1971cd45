import { backChunk } from "./back-chunk";
import { Back, layOutBack, segmentsOf } from "./delta-back";
import { openDelta } from "./delta-open";
import { deltaPanel } from "./delta-panel";
import { addRows, stageWritten } from "./delta-rule";
import { Decay, Job, Operands } from "./job";
import { bytes, PANEL } from "./lanes";
import { loadState, storeState } from "./panels";

export { deltaVjpBytes } from "./delta-back";

/**
 * The gradients of deltaRule for one batch entry. States of chunks are kept for one segment of them at a time: the forward pass first
 * leaves the state where each segment starts, with what it has lost, so that the segment, done once more from there, has the very
 * same numbers however many chunks it is.
 */
export function deltaVjp<T>(job: Job, entry: i32, scratch: usize): void {
  if (job.r == 0 || job.p == 0) {
    clearGradients<T>(job, entry);
    return;
  }
  const back = changetype<Back>(scratch);
  layOutBack<T>(back, job, entry);
  const delta = back.delta;
  const z = back.head.z;
  const before = job.operand(Operands.initialState);
  loadState<T>(before.entry(entry), before.row, job.r, job.p, z, delta.zs);
  const after = job.operand(Operands.finalState);
  loadState<T>(after.entry(entry), after.row, job.r, job.p, back.z, back.zs);
  const length = job.chunk * job.segment;
  const segments = segmentsOf(job);
  for (let i = 0; i < segments; i++) {
    keepStart(back, i, true);
    if (i < segments - 1) forward<T>(back, i * length, (i + 1) * length, false);
  }
  for (let i = segments - 1; i >= 0; i--) {
    const from = i * length;
    const to = min(from + length, job.n);
    keepStart(back, i, false);
    forward<T>(back, from, to, true);
    let record = back.record + ((to - from - 1) / job.chunk) * back.recordBytes;
    // where the last of the segment's chunks ends, the forward pass stands
    let next = z;
    let ns = delta.zs;
    for (let l = to - 1 - ((to - 1) % job.chunk); l >= from; l -= job.chunk) {
      backChunk<T>(job, back, entry, l, min(job.chunk, job.n - l), record, next, ns);
      next = record;
      ns = back.rowBytes;
      record -= back.recordBytes;
    }
  }
  const gradient = job.operand(Operands.initialStateGradient);
  const out = gradient.entry(entry);
  if (out) storeState<T>(out, gradient.row, job.r, job.p, back.z, back.zs);
}

/** Keeps the state, and what it has lost, for the start of a segment; or brings it back. */
function keepStart(back: Back, segment: i32, keeps: bool): void {
  const delta = back.delta;
  const length = <usize>delta.depth * PANEL;
  let kept = back.start + segment * back.startBytes;
  let z = back.head.z;
  for (let j = back.panels; j > 0; j--) {
    const lost = z + delta.zs - length;
    memory.copy(keeps ? kept : z, keeps ? z : kept, length);
    memory.copy(keeps ? kept + length : lost, keeps ? lost : kept + length, length);
    kept += 2 * length;
    z += delta.zs;
  }
}

/** U of the rows [from, to), and Z beyond them; both are recorded, chunk by chunk, where that is wanted. */
function forward<T>(back: Back, from: i32, to: i32, records: bool): void {
  const delta = back.delta;
  const head = back.head;
  let record = back.record;
  for (let l = from; l < to; l += delta.chunk) {
    const rows = min(delta.chunk, to - l);
    openDelta<T>(delta, head, l, rows);
    stageWritten<T>(delta, head, l, rows);
    let z = head.z;
    for (let j = back.panels; j > 0; j--) {
      deltaPanel<T>(delta, rows, z, 0, 0);
      if (records) {
        memory.copy(record, z, back.rowBytes);
        record += back.rowBytes;
      }
      addRows<T>(delta, rows, z);
      z += delta.zs;
    }
  }
}

/** Without channels or columns the output is 0, or none, whatever goes in. */
function clearGradients<T>(job: Job, entry: i32): void {
  clearRows<T>(job, Operands.queryGradient, entry, job.r);
  clearRows<T>(job, Operands.keyGradient, entry, job.r);
  clearRows<T>(job, Operands.valueGradient, entry, job.p);
  clearRows<T>(job, Operands.eraseGradient, entry, job.eraseWidth);
  clearRows<T>(job, Operands.writeGradient, entry, job.writeWidth);
  clearRows<T>(job, Operands.decayGradient, entry, job.decayKind == Decay.channel ? job.r : 1);
}

function clearRows<T>(job: Job, which: Operands, entry: i32, cols: i32): void {
  const operand = job.operand(which);
  let row = operand.entry(entry);
  if (!row) return;
  for (let i = job.n; i > 0; i--) {
    memory.fill(row, 0, bytes<T>(cols));
    row += operand.row;
  }
}
