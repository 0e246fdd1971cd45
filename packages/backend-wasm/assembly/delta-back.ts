import { Delta, deltaBytes, Head, layOutDelta, placeHead } from "./delta";
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
  headAt!: usize;
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
  /** Ō Zᵀ, B̄ Zᵀ and U Z̄ᵀ, then Q̄, −P̄ and K_w, [chunk, rs] each */
  q!: usize;
  p!: usize;
  k!: usize;
  /** tril(Ō Uᵀ) and tril(B̄ Uᵀ, −1), [chunk, cs] each */
  m!: usize;
  s!: usize;
  cs!: usize;
  /** ⟨Z, Z̄⟩ of every channel at the chunk's end, then the running sum of ḡ, [rs] */
  edge!: usize;
  /** B̄ · V of every row where the write gate is one column */
  written!: usize;
  /** Z̄, Ō, B̄ and what Z̄ has lost, a panel each zs bytes: [depth + 2 chunk + depth, panel] */
  z!: usize;
  zs!: usize;
  /** Z and U of every chunk of a segment, panels [depth + chunk, panel] */
  record!: usize;
  rowBytes!: usize;
  recordBytes!: usize;
  /** Z and what it has lost where a segment starts, panels [2 depth, panel] */
  start!: usize;
  startBytes!: usize;

  get delta(): Delta {
    return changetype<Delta>(this.deltaAt);
  }

  get head(): Head {
    return changetype<Head>(this.headAt);
  }
}

/** Segments of so many chunks as are kept at a time. */
export function segmentsOf(job: Job): i32 {
  const rows = job.chunk * job.segment;
  return (job.n + rows - 1) / rows;
}

export function deltaVjpBytes<T>(job: Job): f64 {
  const c = align(job.chunk, 4);
  const depth = <f64>max(job.r, 1);
  const count = <f64>panels<T>(job.p);
  const row = <f64>bytes<T>(align(job.r, 4));
  const rows = <f64>c;
  return (
    deltaBytes<T>(job, 1, job.p) +
    offsetof<Back>() +
    64 +
    (rows / 4) * (depth + 2 * rows) * 4 * sizeof<T>() +
    tailBytes<T>(2 * c) +
    (6 * rows + 1) * row +
    (2 * rows + 2) * <f64>bytes<T>(c) +
    count * PANEL * (2 * depth + 2 * rows) +
    <f64>job.segment * count * PANEL * (depth + rows) +
    <f64>segmentsOf(job) * count * PANEL * 2 * depth
  );
}

export function layOutBack<T>(back: Back, job: Job, entry: i32): void {
  const delta = changetype<Delta>((changetype<usize>(back) + offsetof<Back>() + 15) & -16);
  const c: usize = align(job.chunk, 4);
  const head = changetype<Head>((layOutDelta<T>(delta, job, job.p, false) + 15) & -16);
  const count: usize = panels<T>(job.p);
  const depth: usize = delta.depth;
  const rs = delta.rs;
  back.deltaAt = changetype<usize>(delta);
  back.headAt = changetype<usize>(head);
  back.panels = count;
  placeHead(head, job, entry, 0, (changetype<usize>(head) + offsetof<Head>() + 15) & -16);
  back.fs = bytes<T>(4);
  back.tiles = (depth + 2 * c) * back.fs;
  back.f = head.z + count * delta.zs;
  back.addedTail = back.f + (c / 4) * back.tiles;
  back.added = back.addedTail + <usize>tailBytes<T>(2 * c);
  back.factor = back.added + 2 * c * rs;
  back.q = back.factor + c * rs;
  back.p = back.q + c * rs;
  back.k = back.p + c * rs;
  back.edge = back.k + c * rs;
  back.m = back.edge + rs;
  back.cs = bytes<T>(c);
  back.s = back.m + c * back.cs;
  back.written = back.s + c * back.cs;
  back.z = back.written + 2 * back.cs;
  back.zs = (2 * depth + 2 * c) * PANEL;
  back.rowBytes = (depth + c) * PANEL;
  back.recordBytes = count * back.rowBytes;
  back.record = back.z + count * back.zs;
  back.startBytes = count * 2 * depth * PANEL;
  back.start = back.record + job.segment * back.recordBytes;
}
