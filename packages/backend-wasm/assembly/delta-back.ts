// The scratch of the delta rule's gradients (reference README, equation (30)). One thread's scratch, in the order in which it is laid out; c is
// the chunk rounded up to a multiple of four rows, a row of r elements takes rs bytes, one of c elements cs bytes:
//
//   Back            this file's record
//   Delta           the scratch of the forward pass, with S, M, K̃ and the pairs of a chunk (delta.ts), and a Head for each batch entry
//   f               c/4 tiles, of which a drawing is below
//   addedTail       the last r mod 4 columns of `added`, and two tiles of scratch
//   added           Q̃ and −P̃ [2 c, rs]: what a chunk adds to Z̄
//   factor          [c, rs]
//   q, p            Ō Zᵀ and B̄ Zᵀ [2 c, rs], which become Q̄ and −P̄
//   k               U Z̄ᵀ [c, rs], which becomes K̄
//   edge            [rs]
//   m, s            M̄ = tril(Ō Uᵀ) and tril(B̄ Uᵀ, −1), which is −S̄ [2 c, cs]
//   written         [c], and as much again that is left free
//   turned          one panel's rows as columns (back-cross.ts)
//   of each batch entry: the panels of Z, U and what Z has lost; the panels of Z̄, Ō, B̄ and what Z̄ has lost; the records of a
//   segment's chunks; the states where segments start
//
// One tile of f belongs to four rows j of the chunk and has rows of four elements:
//
//            j  j+1  j+2  j+3
//   depth    K̃ᵀ, transposed                met by Z̄
//   c        M_ij for i = 0, 1, …          met by Ō, which lies under Z̄
//   c        −S_ij for i = 0, 1, …         met by B̄, which lies under Ō
//
// So K̃ Z̄ + Mᵀ Ō − Sᵀ B̄ of four rows is sums of one pointer into f and one into the panel, as in the forward pass.
import { turnedBytes } from "./back-cross";
import { Delta, deltaBytes, Head, headAt, layOutDelta, placeHead } from "./delta";
import { Job } from "./job";
import { align, bytes, PANEL, panels } from "./lanes";
import { tailBytes } from "./update";

/**
 * What deltaRuleVjp needs beside the Delta of its forward pass. The rows and columns of a chunk are padded with zeros to a multiple of four,
 * and all strides are in bytes.
 */
@unmanaged
export class Back {
  /** Records are held as addresses, because a field that refers to a class would be checked at every use. */
  deltaAt!: usize;
  /** The batch entry whose turn it is, and where those of all entries begin. */
  headAt!: usize;
  heads!: usize;
  /** The batch entry whose turn it is afterwards, the first row of its chunk, which is negative where there is none, and its record. */
  nextAt!: usize;
  nextEntry!: i32;
  nextRow!: i32;
  nextRecord!: usize;
  /** The number of panels of a batch entry. */
  panels!: i32;
  /** The tiles of f, `tiles` bytes apart, with rows `fs` bytes apart. */
  tiles!: usize;
  fs!: usize;
  f!: usize;
  /** Q∘up and −P∘up, [2 c, rs]. */
  added!: usize;
  addedTail!: usize;
  /** The factor e^g of every row and channel, where every channel decays by itself: [c, rs]. */
  factor!: usize;
  /**
   * First Ō Zᵀ, right after the chunk's rows of it B̄ Zᵀ, and U Z̄ᵀ; then, in their places, Q̄, −P̄ and K̄ without what P̄ adds to it. Rows are
   * rs bytes apart.
   */
  q!: usize;
  p!: usize;
  k!: usize;
  /** tril(Ō Uᵀ) and, right after the chunk's rows of it, tril(B̄ Uᵀ, −1), in rows of cs bytes. */
  m!: usize;
  s!: usize;
  cs!: usize;
  /** First ⟨Z, Z̄⟩ of every channel at the chunk's end, then the running sum of ḡ: [rs]. */
  edge!: usize;
  /** B̄ · V of every row, for a write gate of one column. */
  written!: usize;
  /** The rows that crossRows has turned to columns. */
  turned!: usize;
  /** The panels of the batch entry whose turn it is, `zs` bytes apart: Z̄, Ō, B̄ and what Z̄ has lost, [depth + 2 c + depth, panel]. */
  z!: usize;
  zs!: usize;
  /**
   * The bytes of one panel of a record and of a whole record. There is a record for every chunk of a segment: Z [depth, panel] and, where
   * deltaRule has not kept it, U under it [c, panel].
   */
  rowBytes!: usize;
  recordBytes!: usize;
  /** The bytes of what is kept where a segment starts: for every panel Z and what it has lost, [2 depth, panel]. */
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

/** Returns the rows of a segment: those of the chunks that are recorded at a time, or those between two states that deltaRule has kept. */
export function segmentRows(job: Job): i32 {
  return job.keptRows ? job.keptRows : job.chunk * job.segment;
}

/** Returns the number of segments whose start is kept in this scratch. Where deltaRule has kept them, it is 0. */
function startsOf(job: Job): i32 {
  const rows = segmentRows(job);
  return job.keptRows ? 0 : (job.n + rows - 1) / rows;
}

/** Returns the bytes of scratch that one item of deltaRuleVjp takes. */
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
    // crossRows reads whole panels of rows, and so beyond the last of them.
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
