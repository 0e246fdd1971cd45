import type { Context } from "./context.js";
import { quads } from "./sizes.js";
import type { SolveSegment } from "./scan.js";

/** The quads of columns that one workgroup computes. */
const TILE = 8;
/**
 * The cost of one dispatch that does little, in units of one chunk of the scan: launching it, and waiting until the
 * device is drained.
 */
const LAUNCH = 4;

/**
 * Estimates the time of a scan, in units of one chunk on one workgroup, on a device that runs `width` workgroups at a time. One group
 * takes its chunks in turn. With more, the maps of all groups are computed first (with the columns of b, and with the r columns of A),
 * then composed (a group takes r / chunk of a chunk's work), and then the groups are gone through again, each from its own state.
 */
export function scanCost(
  of: Pick<SolveSegment, "batches" | "chunks" | "chunk" | "r" | "p">,
  groups: number,
  width: number,
): number {
  const waves = (workgroups: number): number => Math.ceil(workgroups / width);
  const tiles = (cols: number): number => of.batches * Math.ceil(quads(cols) / TILE);
  if (groups === 1) return of.chunks * waves(tiles(of.p));
  const own = Math.ceil(of.chunks / groups);
  const maps = own * (waves(groups * tiles(of.p)) + waves(groups * tiles(of.r)));
  const compose = groups * Math.max(1, of.r / of.chunk) * waves(tiles(of.p));
  return maps + compose + own * waves(groups * tiles(of.p)) + 4 * LAUNCH;
}

/** The fewest rows of a group. With fewer, the roundings in the composed maps grow and nothing is gained. */
const GROUP_ROWS = 128;

/** Returns into how many groups the chunks are cut for a parallel scan; 1 means the sequential scan. */
export function scanGroups(ctx: Context, of: SolveSegment): number {
  if (ctx.scan === "sequential" || of.r === 0) return 1;
  const most = Math.floor((of.chunks * of.chunk) / GROUP_ROWS);
  if (ctx.groups !== undefined) return ctx.scan === "parallel" ? trim(of.chunks, ctx.groups) : 1;
  let best = ctx.scan === "parallel" ? Math.min(2, most) : 1;
  for (let groups = 2; groups <= most; groups *= 2) {
    if (scanCost(of, groups, ctx.width) < scanCost(of, best, ctx.width)) best = groups;
  }
  return trim(of.chunks, best);
}

/** Lowers the number of groups until no group is without chunks. */
function trim(chunks: number, groups: number): number {
  return Math.ceil(chunks / Math.ceil(chunks / Math.max(1, groups)));
}
