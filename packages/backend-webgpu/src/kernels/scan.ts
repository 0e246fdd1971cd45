import { quads, type Context } from "./context.js";
import type { Operand, Range } from "./plan.js";
import { solveScan } from "./plans.js";
import type { Segment } from "./segments.js";

/** Quads of columns per workgroup of the scan. */
export const TILE = 4;
export const SCAN_THREADS = 64;

export interface SolveSegment extends Segment {
  readonly chunk: number;
  readonly chunks: number;
  readonly r: number;
  readonly p: number;
  readonly g: Operand;
  /** T_cc⁻¹ F_c and T_cc⁻¹ B_c of every chunk */
  readonly w: Range;
  readonly u: Range;
}

export interface ScanOptions {
  readonly z: Range;
  readonly out: Operand;
  readonly alpha: number;
  readonly groups?: number;
  /** States kept per batch entry in `z`; default: groups. */
  readonly stride?: number;
  readonly cols?: number;
  readonly repair?: Range;
  readonly firstChunk?: number;
  readonly constants?: Partial<Record<(typeof solveScan.constants)[number], number>>;
}

/** One pass of solve-scan over the segment's chunks. */
export function scan(ctx: Context, of: SolveSegment, options: ScanOptions): void {
  const { groups = 1, cols = of.p, stride = groups } = options;
  const workgroups = of.batches * groups * Math.ceil(quads(cols) / TILE);
  ctx.stream.recorder.dispatch(solveScan, {
    constants: { CHUNK: of.chunk, TILE, THREADS: SCAN_THREADS, ...options.constants },
    params: {
      g: of.g,
      out: options.out,
      rows: of.rows,
      rank: of.r,
      cols,
      chunks: of.chunks,
      group_chunks: Math.ceil(of.chunks / groups),
      groups,
      group_stride: stride,
      first_chunk: options.firstChunk ?? 0,
      total: workgroups,
      alpha: options.alpha,
    },
    bindings: {
      w: of.w,
      u: of.u,
      g: of.g,
      repair: options.repair ?? ctx.nothing.read,
      z: options.z,
      out: options.out,
    },
    workgroups,
  });
}
