import type { DecayKind, HostTensor } from "@dlrt/core";
import { checkEraseKey, decayKind, type DeltaRuleInputs } from "@dlrt/core/backend";
import type { Sizes } from "@dlrt/core";
import { rowsOf, type Rows } from "./rows.js";
import { ceil4, chunkRows, DECAY_CHUNK_MAX, RANK_MAX, STACK_MAX } from "./scratch.js";

/**
 * The most rows of a chunk. They are half of a block, because a fused delta rule has the rows of Q below those of P
 * where the other kernels have one F.
 */
export const DELTA_CHUNK_MAX: number = STACK_MAX / 2;

/** The rows of one batch entry of a fused delta rule, as a `Walk` has those of an operator. */
export interface DeltaWalk {
  readonly q: Rows;
  readonly k: Rows;
  readonly v: Rows;
  readonly e: Rows;
  /** The rows of an erase key of its own. Absent where the key itself erases. */
  readonly p: Rows | undefined;
  /**
   * 1 where P reads the state before its row decays, as an erase key of its own does. Row v of P then has the factors
   * of row v − 1 of Q.
   */
  readonly early: 0 | 1;
  /** Whether e is one number for each row, rather than one for each channel. */
  readonly scalarErase: boolean;
  /**
   * The write gate. Absent where it is the erase gate, β: the right-hand side is then β v, and β is multiplied in where
   * a row is solved for.
   */
  readonly w: Rows | undefined;
  readonly scalarWrite: boolean;
  readonly gaps: Rows | undefined;
  readonly decay: DecayKind;
  readonly eps: number | undefined;
  readonly scale: number;
  readonly n: number;
  readonly r: number;
  readonly chunk: number;
  readonly f64: boolean;
  readonly trans: false;
  /** Whether the queries are looked at. The corrections U do not need them. */
  readonly queries: boolean;
}

interface Given extends Sizes, DeltaRuleInputs<HostTensor> {
  readonly scale: number;
  readonly eps?: number | undefined;
  readonly chunk?: number | undefined;
}

/** @param preferred how many rows a chunk has in f32 where the caller gives no hint */
export function deltaWalkOf(params: Given, entry: number, preferred: number = 12): DeltaWalk {
  const { query, key, value, erase, eraseKey, write, n, r, scale, eps } = params;
  checkEraseKey(params);
  const f64 = query.dtype === "f64";
  const gaps = r > 0 ? params.decay : undefined;
  const decay = decayKind({ decay: gaps });
  const most = decay === "channel" ? DECAY_CHUNK_MAX : DELTA_CHUNK_MAX;
  const hint = params.chunk ?? (r > RANK_MAX ? undefined : preferred);
  const rows = chunkRows(hint, r, f64, most);
  return {
    q: rowsOf(query, entry),
    k: rowsOf(key, entry),
    v: rowsOf(value, entry),
    e: rowsOf(erase, entry),
    p: eraseKey && rowsOf(eraseKey, entry),
    early: eraseKey ? 1 : 0,
    scalarErase: erase.shape[2] === 1,
    w: write && rowsOf(write, entry),
    scalarWrite: write?.shape[2] === 1,
    gaps: gaps && rowsOf(gaps, entry),
    decay,
    eps,
    scale,
    n,
    r,
    // A chunk has no more rows than there are, except in f64, where whole tiles of 6 rows are read.
    chunk: f64 ? rows : Math.min(rows, Math.max(4, ceil4(n))),
    f64,
    trans: false,
    queries: true,
  };
}
