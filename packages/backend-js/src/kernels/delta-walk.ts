import type { DecayKind, HostTensor } from "@dlrt/core";
import { checkEraseKey, decayKind, type DeltaRuleInputs } from "@dlrt/core/backend";
import type { Sizes } from "@dlrt/core";
import { rowsOf, type Rows } from "./rows.js";
import { ceil4, chunkRows, DECAY_CHUNK_MAX, RANK_MAX, STACK_MAX } from "./scratch.js";

/** Most rows of a chunk: those of P and of q stand below each other where others have one F. */
export const DELTA_CHUNK_MAX: number = STACK_MAX / 2;

/** The rows of one batch entry of a fused delta rule, as a `Walk` has those of an operator. */
export interface DeltaWalk {
  readonly q: Rows;
  readonly k: Rows;
  readonly v: Rows;
  readonly e: Rows;
  /** The erase key's own rows; absent: k's. */
  readonly p: Rows | undefined;
  /** 1 where P reads before its row decays: row v of P then has the factors that row v − 1 of Q has. */
  readonly early: 0 | 1;
  /** e is one number a row. */
  readonly scalarErase: boolean;
  /** Absent: the right-hand side is β v with β = e, and β is multiplied in where rows are solved for. */
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
  /** Whether q is looked at, which the corrections do without. */
  readonly queries: boolean;
}

interface Given extends Sizes, DeltaRuleInputs<HostTensor> {
  readonly scale: number;
  readonly eps?: number | undefined;
  readonly chunk?: number | undefined;
}

/** @param preferred rows of a chunk in f32 where the caller has no wish */
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
    // Of fewer rows than a chunk no more is made, but in f64, where whole tiles of 6 are read.
    chunk: f64 ? rows : Math.min(rows, Math.max(4, ceil4(n))),
    f64,
    trans: false,
    queries: true,
  };
}
