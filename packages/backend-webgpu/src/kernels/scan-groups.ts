import { quads, scratch, type Context } from "./context.js";
import type { Range } from "./plan.js";
import { solveCompose } from "./plans.js";
import { scan, type SolveSegment } from "./scan.js";
import { carryInto, stateSize } from "./state.js";

/** Quads of columns per workgroup of the composition. */
const TILE = 4;
const THREADS = 64;

interface GroupMaps {
  readonly groups: number;
  /** A of Z ← A Z + B, per batch entry and group */
  readonly a: Range;
  readonly b: Range;
}

/**
 * The affine map of every group, by the scan itself: B is the state that b leaves starting from zero (in the first
 * group from `carry`), A what is left of the identity with b = 0.
 */
export function groupMaps(ctx: Context, of: SolveSegment, groups: number, carry: Range): GroupMaps {
  const a = scratch(ctx, 4 * of.batches * groups * stateSize(of.r, of.r));
  const b = scratch(ctx, 4 * of.batches * groups * stateSize(of.r, of.p));
  const out = ctx.nothing.write;
  carryInto(ctx, of, carry, groups, b);
  scan(ctx, of, { z: b, out, alpha: 0, groups, constants: { START: 1, WRITE_Y: 0 } });
  scan(ctx, of, { z: a, out, alpha: 0, groups, cols: of.r, constants: { START: 2, USE_B: 0, WRITE_Y: 0 } });
  return { groups, a, b };
}

/** The states before all groups; `carry` moves past the last. */
export function composeGroups(
  ctx: Context,
  of: SolveSegment,
  { groups, a, b }: GroupMaps,
  carry: Range,
): Range {
  const before = scratch(ctx, 4 * of.batches * groups * stateSize(of.r, of.p));
  const total = of.batches * Math.ceil(quads(of.p) / TILE);
  ctx.stream.recorder.dispatch(solveCompose, {
    constants: { TILE, THREADS },
    params: { rank: of.r, quads: quads(of.p), groups, total },
    bindings: { a, b, carry, before },
    workgroups: total,
  });
  return before;
}
