import type { Context } from "./context.js";
import { scratch, zeros } from "./scratch.js";
import { quads } from "./sizes.js";
import type { Range } from "./plan.js";
import { solveCompose } from "./plans/solve.js";
import { scan, type SolveSegment } from "./scan.js";
import { carryInto, stateSize, type Carry } from "./state.js";

/** The quads of columns that one workgroup of the composition computes. */
const TILE = 4;
const THREADS = 64;

/** The affine maps Z ← A Z + B of all groups, for each batch entry, with what the roundings of A and B have lost. */
interface GroupMaps {
  readonly groups: number;
  readonly a: Carry;
  readonly b: Carry;
}

/**
 * Computes the affine map of every group by the scan itself: B is the state that b leaves where the scan starts from
 * zero (in the first group from `carry`), and A is what is left of the identity where b = 0.
 */
export function groupMaps(ctx: Context, of: SolveSegment, groups: number, carry: Carry): GroupMaps {
  const states = (cols: number): Carry => {
    const count = 4 * of.batches * groups * stateSize(of.r, cols);
    return { z: scratch(ctx, count), lost: zeros(ctx, count) };
  };
  const a = states(of.r);
  const b = states(of.p);
  carryInto(ctx, of, carry.z, groups, b.z);
  carryInto(ctx, of, carry.lost, groups, b.lost);
  const way = { out: ctx.nothing.write, alpha: 0, groups };
  scan(ctx, of, { ...way, ...b, constants: { START: 1, WRITE_Y: 0 } });
  scan(ctx, of, { ...way, ...a, cols: of.r, constants: { START: 2, USE_B: 0, WRITE_Y: 0 } });
  return { groups, a, b };
}

/** Computes the state before each group. `carry` becomes the state after the last one. */
export function composeGroups(ctx: Context, of: SolveSegment, maps: GroupMaps, carry: Carry): Range {
  const { groups, a, b } = maps;
  const before = scratch(ctx, 4 * of.batches * groups * stateSize(of.r, of.p));
  const total = of.batches * Math.ceil(quads(of.p) / TILE);
  ctx.stream.recorder.dispatch(solveCompose, {
    constants: { TILE, THREADS },
    params: { rank: of.r, quads: quads(of.p), groups, total },
    bindings: {
      a: a.z,
      a_lost: a.lost,
      b: b.z,
      b_lost: b.lost,
      carry: carry.z,
      lost: carry.lost,
      before,
    },
    workgroups: total,
  });
  return before;
}
