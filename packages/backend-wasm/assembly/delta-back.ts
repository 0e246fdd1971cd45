import { turnedBytes } from "./back-cross";
import { Delta, deltaBytes, Head, headAt, layOutDelta, placeHead } from "./delta";
import { Job } from "./job";
import { align, bytes, PANEL, panels } from "./lanes";
import { tailBytes } from "./update";

/**
 * What deltaRuleVjp needs beside the Delta of its forward pass (reference README, equation (30)). Rows and columns of a chunk are up
 * to a multiple of four, zeros after the last; strides in bytes.
 */
@unmanaged
export class Back {
  /** Addresses: a field that refers to a class would be checked at every use. */
  deltaAt!: usize;
  /** that of the batch entry whose turn it is, and those of all */
  headAt!: usize;
  heads!: usize;
  /** whose turn it is afterwards, its first row, negative where there is none, and its record */
  nextAt!: usize;
  nextEntry!: i32;
  nextRow!: i32;
  nextRecord!: usize;
  panels!: i32;
  /** from one four rows' part of f to the next: (K∘dn)ᵀ, [depth, 4], and under it M and −S, [chunk, 4] each: rows i, columns j */
  tiles!: usize;
  fs!: usize;
  f!: usize;
  /** Q∘up and −P∘up, [2 chunk, rs]: what the chunk adds to Z̄ */
  added!: usize;
  addedTail!: usize;
  /** exp(g) of every row and channel, [chunk, rs] */
  factor!: usize;
  /** Ō Zᵀ and, right after the chunk's rows of it, B̄ Zᵀ, then Q̄ and −P̄; U Z̄ᵀ, then K_w: rows of rs bytes */
  q!: usize;
  p!: usize;
  k!: usize;
  /** tril(Ō Uᵀ) and, right after it, tril(B̄ Uᵀ, −1): rows of cs bytes */
  m!: usize;
  s!: usize;
  cs!: usize;
  /** ⟨Z, Z̄⟩ of every channel at the chunk's end, then the running sum of ḡ, [rs] */
  edge!: usize;
  /** B̄ · V of every row where the write gate is one column */
  written!: usize;
  /** rows that crossRows has turned to columns */
  turned!: usize;
  /** a batch entry's Z̄, Ō, B̄ and what Z̄ has lost, a panel each zs bytes: [depth + 2 chunk + depth, panel] */
  z!: usize;
  zs!: usize;
  /** of its records, one for every chunk of a segment, Z in panels [depth, panel], and unless U is kept that under it, [chunk, panel] */
  rowBytes!: usize;
  recordBytes!: usize;
  /** of what it keeps where a segment starts, Z and what that has lost in panels [2 depth, panel] */
  startBytes!: usize;

  get delta(): Delta {
    return changetype<Delta>(this.deltaAt);
  }

  get next(): Head {
    return changetype<Head>(this.nextAt);
  }

  get head(): Head {
    return changetype<Head>(this.headAt);
  }
}

/** Rows of a segment: so many chunks as are recorded at a time, or those between two states that deltaRule has kept. */
export function segmentRows(job: Job): i32 {
  return job.keptRows ? job.keptRows : job.chunk * job.segment;
}

/** Segments whose start is to be kept here. */
function startsOf(job: Job): i32 {
  const rows = segmentRows(job);
  return job.keptRows ? 0 : (job.n + rows - 1) / rows;
}

export function deltaVjpBytes<T>(job: Job): f64 {
  const c = align(job.chunk, 4);
  const depth = <f64>max(job.r, 1);
  const count = <f64>panels<T>(job.p);
  const row = <f64>bytes<T>(align(job.r, 4));
  const rows = <f64>c;
  return (
    deltaBytes<T>(job, job.group, job.p) +
    offsetof<Back>() +
    64 +
    (rows / 4) * (depth + 2 * rows) * 4 * sizeof<T>() +
    tailBytes<T>(2 * c) +
    (6 * rows + 1) * row +
    (2 * rows + 2) * <f64>bytes<T>(c) +
    turnedBytes<T>(panels<T>(job.p)) +
    // crossRows reads whole panels of rows
    8 * PANEL +
    <f64>job.group *
      count *
      PANEL *
      (2 * depth +
        2 * rows +
        <f64>job.segment * (job.keptRows ? depth : depth + rows) +
        <f64>startsOf(job) * 2 * depth)
  );
}

/** Lays out the scratch for `count` batch entries from `first` on. */
export function layOutBack<T>(back: Back, job: Job, first: i32, count: i32): void {
  const delta = changetype<Delta>((changetype<usize>(back) + offsetof<Back>() + 15) & -16);
  const c: usize = align(job.chunk, 4);
  const heads = (layOutDelta<T>(delta, job, job.p, false) + 15) & -16;
  const columns: usize = panels<T>(job.p);
  const depth: usize = delta.depth;
  const rs = delta.rs;
  back.deltaAt = changetype<usize>(delta);
  back.heads = heads;
  back.panels = columns;
  back.fs = bytes<T>(4);
  back.tiles = (depth + 2 * c) * back.fs;
  back.f = (heads + count * offsetof<Head>() + 15) & -16;
  back.addedTail = back.f + (c / 4) * back.tiles;
  back.added = back.addedTail + <usize>tailBytes<T>(2 * c);
  back.factor = back.added + 2 * c * rs;
  back.q = back.factor + c * rs;
  back.k = back.q + 2 * c * rs;
  back.edge = back.k + c * rs;
  back.m = back.edge + rs;
  back.cs = bytes<T>(c);
  back.written = back.m + 2 * c * back.cs;
  back.zs = (2 * depth + 2 * c) * PANEL;
  back.rowBytes = (job.keptRows ? depth : depth + c) * PANEL;
  back.recordBytes = columns * back.rowBytes;
  back.startBytes = columns * 2 * depth * PANEL;
  back.turned = back.written + 2 * back.cs;
  let at = back.turned + turnedBytes<T>(<i32>columns);
  for (let i = 0; i < count; i++) {
    const head = headAt(heads, i);
    placeHead(head, job, first + i, 0, at);
    head.back = at + columns * delta.zs;
    head.record = head.back + columns * back.zs;
    head.start = head.record + job.segment * back.recordBytes;
    at = head.start + startsOf(job) * back.startBytes;
  }
}

/** Gives the turn to a batch entry. */
export function turnTo(back: Back, i: i32): void {
  const head = headAt(back.heads, i);
  back.headAt = changetype<usize>(head);
  back.z = head.back;
}
