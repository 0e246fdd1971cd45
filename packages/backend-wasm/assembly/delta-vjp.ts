// The walk of the delta rule's gradients (reference README, equation (30)), from the last chunk to the first. Each chunk needs the state Z
// before it and its U. There are three ways to have them, of which the host has chosen one (src/delta-plan.ts):
//
// - deltaRule has kept U, and Z where every `keptRows` rows start: Z before the chunks between is computed again from U (replay).
// - All chunks are recorded: the forward pass is done once, with a record of Z and U for every chunk. That is one segment.
// - There is no room for all: the forward pass is done first to keep the states where segments start, and once more for each segment.
//
// The scratch is laid out in delta-back.ts. As in deltaRule, the batch entries of an item take turns in every chunk.
import { backChunk } from "./back-chunk";
import { headAt } from "./delta";
import { touchRows } from "./delta-ahead";
import { Back, layOutBack, segmentRows, turnTo } from "./delta-back";
import { keptAt, keptPanel } from "./delta-kept";
import { openDelta, openUpdate } from "./delta-open";
import { deltaPanel } from "./delta-panel";
import { addRows, stageWritten } from "./delta-rule";
import { Decay, Job, Operands } from "./job";
import { bytes, PANEL } from "./lanes";
import { loadState, storeState } from "./panels";

export { deltaVjpBytes } from "./delta-back";

/**
 * Computes the gradients of deltaRule for one item: some batch entries. Where segments are done once more, they start from the state
 * together with what its roundings have lost, so that the results have the same bits however many segments there are.
 */
export function deltaVjp<T>(job: Job, index: i32, scratch: usize): void {
  const first = index * job.group;
  const count = min(job.group, job.batch - first);
  if (job.r == 0 || job.p == 0) {
    for (let i = 0; i < count; i++) clearGradients<T>(job, first + i);
    return;
  }
  const back = changetype<Back>(scratch);
  layOutBack<T>(back, job, first, count);
  loadStates<T>(job, back, first, count);
  const length = segmentRows(job);
  const segments = (job.n + length - 1) / length;
  const kept = job.keptRows > 0;
  for (let i = 0; i < segments && !kept; i++) {
    keepStarts(back, count, i, true);
    if (i < segments - 1) forward<T>(back, count, i * length, (i + 1) * length, false);
  }
  for (let i = segments - 1; i >= 0; i--) {
    const from = i * length;
    const to = min(from + length, job.n);
    if (kept) replay<T>(job, back, count, from, to);
    else {
      keepStarts(back, count, i, false);
      forward<T>(back, count, from, to, true);
    }
    for (let l = to - 1 - ((to - 1 - from) % job.chunk); l >= from; l -= job.chunk) {
      const rows = min(job.chunk, to - l);
      const before = ((l - from) / job.chunk) * back.recordBytes;
      for (let e = 0; e < count; e++) {
        turnTo(back, e);
        const last = e == count - 1;
        const after = last ? 0 : e + 1;
        back.nextAt = changetype<usize>(headAt(back.heads, after));
        back.nextEntry = first + after;
        back.nextRow = last ? l - job.chunk : l;
        back.nextRecord = back.next.record + before - (last ? back.recordBytes : 0);
        const record = back.head.record + before;
        let u = record + <usize>job.r * PANEL;
        let us = back.rowBytes;
        if (kept) {
          u = keptAt<T>(job, back.head.kept, l) + <usize>(job.r + l - from) * PANEL;
          us = keptPanel(job);
        }
        let next = record + back.recordBytes;
        let ns = back.rowBytes;
        if (l + rows == to) {
          // The segment's last chunk ends where the forward pass stands, or where what is kept of the next segment starts.
          const starts = kept && to < job.n;
          next = starts ? keptAt<T>(job, back.head.kept, to) : back.head.z;
          ns = starts ? us : back.delta.zs;
        }
        backChunk<T>(job, back, first + e, l, rows, record, u, us, next, ns);
      }
    }
  }
  const gradient = job.operand(Operands.initialStateGradient);
  if (!gradient.start) return;
  for (let e = 0; e < count; e++)
    storeState<T>(gradient.entry(first + e), gradient.row, job.r, job.p, headAt(back.heads, e).back, back.zs);
}

/** Loads Z before the first row, and the cotangent of Z after the last. */
function loadStates<T>(job: Job, back: Back, first: i32, count: i32): void {
  const before = job.operand(Operands.initialState);
  const after = job.operand(Operands.finalState);
  for (let e = 0; e < count; e++) {
    const head = headAt(back.heads, e);
    loadState<T>(before.entry(first + e), before.row, job.r, job.p, head.z, back.delta.zs);
    loadState<T>(after.entry(first + e), after.row, job.r, job.p, head.back, back.zs);
  }
}

/** Keeps the states, and what they have lost, for the start of a segment; or, where it does not keep (`keeps` is false), brings them back. */
function keepStarts(back: Back, count: i32, segment: i32, keeps: bool): void {
  const delta = back.delta;
  const length = <usize>delta.depth * PANEL;
  for (let e = 0; e < count; e++) {
    const head = headAt(back.heads, e);
    let kept = head.start + segment * back.startBytes;
    let z = head.z;
    for (let j = back.panels; j > 0; j--) {
      const lost = z + delta.zs - length;
      memory.copy(keeps ? kept : z, keeps ? z : kept, length);
      memory.copy(keeps ? kept + length : lost, keeps ? lost : kept + length, length);
      kept += 2 * length;
      z += delta.zs;
    }
  }
}

/** Computes U of the rows [from, to), and Z after them. Where it `records`, Z and U of every chunk are kept. */
function forward<T>(back: Back, count: i32, from: i32, to: i32, records: bool): void {
  const delta = back.delta;
  const step = (delta.chunk + back.panels - 1) / back.panels;
  let before: usize = 0;
  for (let l = from; l < to; l += delta.chunk) {
    const rows = min(delta.chunk, to - l);
    for (let e = 0; e < count; e++) {
      const head = headAt(back.heads, e);
      openDelta<T>(delta, head, l, rows, false);
      stageWritten<T>(delta, head, l, rows);
      let record = head.record + before;
      let z = head.z;
      const last = e == count - 1;
      const next = headAt(back.heads, last ? 0 : e + 1);
      let ahead = last ? l + rows : l;
      const end = min(ahead + delta.chunk, delta.n);
      for (let j = back.panels; j > 0; j--) {
        touchRows<T>(delta, next, ahead, min(step, end - ahead), false);
        ahead += step;
        deltaPanel<T>(delta, rows, z, 0, 0);
        if (records) {
          memory.copy(record, z, back.rowBytes);
          record += back.rowBytes;
        }
        addRows<T>(delta, rows, z, z + delta.depth * PANEL);
        z += delta.zs;
      }
    }
    before += back.recordBytes;
  }
}

/**
 * Records Z before every chunk of the rows [from, to), computed from what deltaRule has kept. Z after them is computed only where they are
 * the last rows and the gradient of the decay needs it; elsewhere the next segment's start tells it.
 */
function replay<T>(job: Job, back: Back, count: i32, from: i32, to: i32): void {
  const delta = back.delta;
  const kept = keptPanel(job);
  const length = <usize>delta.depth * PANEL;
  const step = (delta.chunk + back.panels - 1) / back.panels;
  const closes = to == job.n && job.operand(Operands.decayGradient).start != 0;
  for (let e = 0; e < count; e++) {
    const head = headAt(back.heads, e);
    const start = keptAt<T>(job, head.kept, from);
    let record = head.record;
    for (let l = from; l < to; l += delta.chunk) {
      const rows = min(delta.chunk, to - l);
      const updates = l + rows < to || closes;
      if (updates) openUpdate<T>(delta, head, l, rows);
      let state = start;
      let z = head.z;
      let ahead = l + rows;
      const end = min(ahead + delta.chunk, to);
      for (let j = back.panels; j > 0; j--) {
        touchRows<T>(delta, head, ahead, min(step, end - ahead), false);
        ahead += step;
        if (l == from) {
          memory.copy(z, state, length);
          memory.fill(z + delta.zs - length, 0, length);
        }
        memory.copy(record, z, length);
        record += back.rowBytes;
        if (updates) addRows<T>(delta, rows, z, state + length + <usize>(l - from) * PANEL);
        state += kept;
        z += delta.zs;
      }
    }
  }
}

/** Writes zeros to all gradients: without channels the output is 0 whatever goes in, and without columns there is none. */
function clearGradients<T>(job: Job, entry: i32): void {
  clearRows<T>(job, Operands.queryGradient, entry, job.r);
  clearRows<T>(job, Operands.keyGradient, entry, job.r);
  clearRows<T>(job, Operands.eraseKeyGradient, entry, job.r);
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
