import type { Context } from "./context.js";
import { zeros } from "./scratch.js";
import { quads } from "./sizes.js";
import type { Operand, Range } from "./plan.js";
import { solveScan } from "./plans/solve.js";
import type { Segment } from "./segments.js";
import { stateSize } from "./state.js";

/** The columns of a tile, in quads, and how the threads of a workgroup share them. */
export interface Tile {
  readonly TILE: number;
  readonly THREADS: number;
  readonly WIDE: 0 | 1;
  readonly LANES: number;
}

/**
 * Chooses the tile. It has 8 quads, and a thread computes one quad of eight rows. Where tiles twice as wide still fill
 * the device, a thread computes two quads, which loads less for as many products. A tile of the inverse stays inside a
 * panel.
 */
export function tileOf(
  ctx: Context,
  chunk: number,
  columns: number,
  batches: number,
  inverse: boolean,
): Tile {
  const wide = batches * Math.ceil(quads(columns) / 16) >= ctx.width;
  const TILE = Math.min(wide ? 16 : 8, inverse ? chunk / 4 : 16);
  const LANES = wide ? TILE / 2 : TILE;
  return { TILE, WIDE: wide ? 1 : 0, LANES, THREADS: LANES * Math.max(chunk / 8, 4) };
}

export interface SolveSegment extends Segment {
  readonly chunk: number;
  readonly chunks: number;
  readonly r: number;
  readonly p: number;
  readonly coupling: Range;
  /** λ. With decay it lies behind the factors of the chunks. */
  readonly diag: Operand;
  /** Whether λ = 1, which is then not read. */
  readonly unit?: boolean;
  readonly f: Operand;
  readonly g: Operand;
  readonly b: Operand;
  /** The kind of decay; absent where there is none. With decay, F, G and the couplings are decayed already. */
  readonly decay?: "row" | "channel";
}

export interface ScanOptions {
  readonly z: Range;
  /** What the roundings of `z` have lost before this scan. Where it is absent, nothing was lost. */
  readonly lost?: Range;
  readonly out: Operand;
  readonly alpha: number;
  readonly groups?: number;
  readonly cols?: number;
  readonly firstChunk?: number;
  /** Whether `z` holds a state before every chunk and one after the last. The first of them is given. */
  readonly keep?: boolean;
  readonly constants?: Partial<Record<(typeof solveScan.constants)[number], number>>;
}

/** Runs one pass of the shader solve-scan over the segment's chunks. */
export function scan(ctx: Context, of: SolveSegment, options: ScanOptions): void {
  const { groups = 1, cols = of.p } = options;
  const tile = tileOf(ctx, of.chunk, cols, of.batches * groups, options.constants?.INVERSE === 1);
  const workgroups = of.batches * groups * Math.ceil(quads(cols) / tile.TILE);
  const lost = options.lost ?? zeros(ctx, 4 * of.batches * groups * stateSize(of.r, cols));
  ctx.stream.recorder.dispatch(solveScan, {
    constants: {
      CHUNK: of.chunk,
      ...tile,
      ...options.constants,
      ...(of.decay && { DECAY: of.decay === "row" ? 1 : 2 }),
    },
    params: {
      f: of.f,
      g: of.g,
      b: of.b,
      out: options.out,
      diag: of.diag,
      rows: of.rows,
      rank: of.r,
      quads: quads(cols),
      chunks: of.chunks,
      group_chunks: Math.ceil(of.chunks / groups),
      groups,
      first_chunk: options.firstChunk ?? 0,
      total: workgroups,
      alpha: options.alpha,
      unit: of.unit ? 1 : 0,
      keep: options.keep ? 1 : 0,
    },
    bindings: {
      coupling: of.coupling,
      diag: of.diag,
      f: of.f,
      g: of.g,
      b: of.b,
      z: options.z,
      lost,
      out: options.out,
    },
    workgroups,
  });
}
