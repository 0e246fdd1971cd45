import { Job, Operands } from "./job";
import { align, PANEL, panels } from "./lanes";

// What deltaRule keeps for deltaRuleVjp, in the operand `kept`, lies as both work on it. The rows of a batch entry are cut into segments of
// `keptRows`. For each there are all panels, and for each panel Z before the segment's first row, [r, panel], with the segment's U under
// it, [keptRows, panel]. No chunk reaches over the end of a segment. src/delta-plan.ts (keptShape) sizes the tensor by the same formula.

/** Returns the bytes from one panel of a segment to the next. */
export function keptPanel(job: Job): usize {
  return <usize>(job.r + job.keptRows) * PANEL;
}

/** Returns the bytes from one segment to the next. */
export function keptSegment<T>(job: Job): usize {
  return <usize>panels<T>(job.p) * keptPanel(job);
}

/** Returns where what is kept of batch entry `e` lies, for the columns from byte `column` of a row on; 0 where nothing is kept. */
export function keptOf(job: Job, e: i32, column: usize): usize {
  const kept = job.operand(Operands.kept).entry(e);
  return kept ? kept + (column / PANEL) * keptPanel(job) : 0;
}

/** Returns where the panels of the segment of row l lie, given what is kept of its batch entry. */
export function keptAt<T>(job: Job, kept: usize, l: i32): usize {
  return kept + <usize>(l / job.keptRows) * keptSegment<T>(job);
}

/** Keeps one panel of Z as it is before the chunk that starts at row l, if a segment starts there too. */
export function keepStart(job: Job, to: usize, l: i32, z: usize): void {
  if (l % job.keptRows == 0) memory.copy(to, z, <usize>job.r * PANEL);
}

/** Keeps one panel of U of the chunk that starts at row l, from under Z. */
export function keepRows(job: Job, to: usize, l: i32, rows: i32, z: usize): void {
  const under = <usize>job.r * PANEL;
  memory.copy(to + under + <usize>(l % job.keptRows) * PANEL, z + under, <usize>align(rows, 4) * PANEL);
}

/** Returns the number of rows of the chunk that starts at row l. */
export function chunkRows(job: Job, l: i32): i32 {
  const rows = min(job.chunk, job.n - l);
  return job.keptRows ? min(rows, job.keptRows - (l % job.keptRows)) : rows;
}
