import type { DecayKind, DiagLowRankTril, HostTensor, Sizes } from "@dlrt/core";
import { decayKind } from "@dlrt/core/backend";
import { rowsOf, type Rows } from "./rows.js";
import { CHUNK_MAX, chunkRows, DECAY_CHUNK_MAX } from "./scratch.js";

/**
 * The recursion over the rows of one batch entry. F and G are Q and K with rows from the first to the last; for Tᵀ they
 * are exchanged and go from the last to the first.
 */
export interface Walk {
  readonly f: Rows;
  readonly g: Rows;
  /** The decay g in the order visited. Absent where nothing decays. */
  readonly gaps: Rows | undefined;
  /** What each number of the decay acts on: all of Z, a row of Z, or a column of Z. */
  readonly decay: DecayKind | "columns";
  readonly n: number;
  readonly r: number;
  /** The number of rows in a chunk. */
  readonly chunk: number;
  readonly f64: boolean;
  readonly trans: boolean;
  /** −1 where F is to be negated, so that what is subtracted can be added. */
  readonly sign: 1 | -1;
}

/** What a kernel's parameters say of the recursion. */
interface Walked extends Sizes {
  readonly op: DiagLowRankTril<HostTensor>;
  readonly chunk?: number | undefined;
  readonly trans?: boolean;
  readonly decayOn?: "rank" | "columns";
}

export function walkOf(params: Walked, entry: number, sign: 1 | -1): Walk {
  const { op, n, r, trans = false } = params;
  const f64 = op.q.dtype === "f64";
  // A state without rows has nothing that could decay.
  const gaps = r > 0 ? op.decay : undefined;
  let decay: Walk["decay"] = gaps === undefined ? "none" : decayKind(op);
  if (decay === "channel" && params.decayOn === "columns") decay = "columns";
  const most = decay === "channel" || decay === "columns" ? DECAY_CHUNK_MAX : CHUNK_MAX;
  return {
    f: rowsOf(trans ? op.k : op.q, entry, trans),
    g: rowsOf(trans ? op.q : op.k, entry, trans),
    gaps: gaps && rowsOf(gaps, entry, trans),
    decay,
    n,
    r,
    chunk: chunkRows(params.chunk, r, f64, most),
    f64,
    trans,
    sign,
  };
}
