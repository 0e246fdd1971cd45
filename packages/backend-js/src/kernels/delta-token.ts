/**
 * A single row of a fused delta rule, as in decoding. The state is read and written where it lies; for a chunk it would
 * be copied into the scratch and back.
 */
import type { FloatArray, HostTensor } from "@dlrt/core";
import type { DeltaRuleParams } from "@dlrt/core/backend";
import { loadTokenRows } from "./delta-load.js";
import { loadNorms } from "./delta-norms.js";
import { deltaWalkOf, type DeltaWalk } from "./delta-walk.js";
import { clearRows, loadRows } from "./pack.js";
import { rowsOf, type Rows } from "./rows.js";
import { ceil4, COLUMNS_MAX, F, KEYS, leadingDimension, POWER, REST, scratch, SUM, X, Y } from "./scratch.js";
import { addToken, readToken32, readToken64, updateToken32, updateToken64 } from "./tile-token.js";

const S = scratch;

/** The number of rows of the state whose products reach a sum in one chain. The roundings of a longer chain would show in f64. */
const CUT = 64;

/**
 * Follows equation (28) with a = e^g: u = w ∘ v − Zᵀ (a ∘ P), out = s (Zᵀ (a ∘ q) + (q·k) u), Z ← diag(a) Z + k uᵀ. r
 * is at most RANK_MAX.
 */
export function deltaToken(params: DeltaRuleParams<HostTensor>): void {
  const { p, initialState, finalState } = params;
  for (let entry = 0; entry < params.batch; entry++) {
    const walk = deltaWalkOf(params, entry);
    const out = rowsOf(params.out, entry);
    const from = initialState && rowsOf(initialState, entry);
    const to = finalState && rowsOf(finalState, entry);
    loadNorms(walk, 0, 1);
    loadTokenRows(walk);
    const along = readByKey(walk);
    for (let j = 0; j < p; j += COLUMNS_MAX) {
      const columns = Math.min(COLUMNS_MAX, p - j);
      readState(walk, from, j, columns);
      correct(walk, along, j, columns, out);
      if (to) updateState(walk, from, to, j, columns);
    }
  }
}

/**
 * Returns q·k. Multiplies P and q by the decay, so that they can read the state before it decays. An erase key of its
 * own reads it so anyway and is left alone.
 */
function readByKey({ r, decay, early }: DeltaWalk): number {
  const ld = ceil4(r);
  let along = 0;
  for (let m = 0; m < r; m++) along += S[F + ld + m]! * S[KEYS + m]!;
  if (decay === "none") return along;
  const step = decay === "channel" ? 1 : 0;
  for (let m = 0; m < r; m++) {
    const factor = S[POWER + m * step]! + S[REST + m * step]!;
    if (!early) S[F + m] = factor * S[F + m]!;
    S[F + ld + m] = factor * S[F + ld + m]!;
  }
  return along;
}

/** Computes Zᵀ (a ∘ P) and Zᵀ (a ∘ q) for the columns from j on, in two rows of Y. */
function readState({ r, f64 }: DeltaWalk, from: Rows | undefined, j: number, columns: number): void {
  const ld = leadingDimension(columns);
  clearRows(Y, ld, 2, columns);
  if (from === undefined) return;
  const start = from.start + j;
  if (!f64) return readToken32(Y, ld, F, ceil4(r), from.data as Float32Array, start, from.stride, r, columns);
  for (let k = 0; k < r; k += CUT) {
    clearRows(SUM, ld, 2, columns);
    const rank = Math.min(CUT, r - k);
    readToken64(
      SUM,
      ld,
      F + k,
      ceil4(r),
      from.data as Float64Array,
      start + k * from.stride,
      from.stride,
      rank,
      columns,
    );
    addToken(Y, SUM, ld + columns);
  }
}

/** Computes u for the columns from j on, in X, and stores their output. */
function correct(walk: DeltaWalk, along: number, j: number, columns: number, out: Rows): void {
  const { v, e, w, scalarWrite, scale } = walk;
  const ld = leadingDimension(columns);
  loadRows(X, ld, v.data, v.start + j, v.stride, 1, columns, 1);
  const gate = w ?? e;
  if (w === undefined || scalarWrite) scaleRow(X, gate.data[gate.start]!, columns);
  else for (let m = 0; m < columns; m++) S[X + m] = S[X + m]! * gate.data[gate.start + j + m]!;
  for (let m = 0; m < columns; m++) {
    const u = S[(X + m) | 0]! - S[(Y + m) | 0]!;
    S[(X + m) | 0] = u;
    S[(Y + m) | 0] = scale * (S[(Y + ld + m) | 0]! + along * u);
  }
  store(out.data, out.start + j, columns);
}

function store(data: FloatArray, to: number, n: number): void {
  for (let m = 0; m < n; m++) data[(to + m) | 0] = S[(Y + m) | 0]!;
}

function scaleRow(row: number, by: number, n: number): void {
  for (let m = row | 0; m < ((row + n) | 0); m++) S[m] = by * S[m]!;
}

function updateState(
  { r, f64, decay }: DeltaWalk,
  from: Rows | undefined,
  to: Rows,
  j: number,
  columns: number,
): void {
  if (from === undefined) {
    for (let m = 0; m < r; m++) {
      const k = S[KEYS + m]!;
      const at = to.start + m * to.stride + j;
      for (let c = 0; c < columns; c++) to.data[at + c] = k * S[X + c]!;
    }
    return;
  }
  const step = decay === "channel" ? 1 : 0;
  if (decay === "none") S[POWER] = 1;
  if (decay === "none") S[REST] = 0;
  for (let m = 0; m < r; m++) {
    const [z, target] = [from.start + m * from.stride + j, to.start + m * to.stride + j];
    const [power, rest, k] = [S[POWER + m * step]!, S[REST + m * step]!, S[KEYS + m]!];
    if (f64)
      updateToken64(
        to.data as Float64Array,
        target,
        from.data as Float64Array,
        z,
        power,
        rest,
        k,
        X,
        columns,
      );
    else
      updateToken32(
        to.data as Float32Array,
        target,
        from.data as Float32Array,
        z,
        power + rest,
        k,
        X,
        columns,
      );
  }
}
