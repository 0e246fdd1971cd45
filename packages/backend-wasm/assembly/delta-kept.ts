import { Job, Operands } from "./job";
import { align, PANEL, panels } from "./lanes";

// What deltaRule keeps for deltaRuleVjp lies as the two work on it: for every `keptRows` rows of a batch entry the panels of Z before the
// first of them, [r, panel], each with those of U under it, [keptRows, panel]. Chunks end where such a segment does.

/** From one panel of a segment to the next, in bytes. */
export function keptPanel(job: Job): usize {
  return <usize>(job.r + job.keptRows) * PANEL;
}

/** From one segment to the next. */
export function keptSegment<T>(job: Job): usize {
  return <usize>panels<T>(job.p) * keptPanel(job);
}

/** That of a batch entry, for columns from `column` bytes on; 0 where nothing is kept. */
export function keptOf(job: Job, e: i32, column: usize): usize {
  const kept = job.operand(Operands.kept).entry(e);
  return kept ? kept + (column / PANEL) * keptPanel(job) : 0;
}

/** Where row l's panels of a batch entry are: the Z of its segment. */
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

/** Rows of the chunk that starts at row l. */
export function chunkRows(job: Job, l: i32): i32 {
  const rows = min(job.chunk, job.n - l);
  return job.keptRows ? min(rows, job.keptRows - (l % job.keptRows)) : rows;
}
