import type { HostTensor } from "@dlrt/core";
import type { DeltaRuleVjpParams } from "@dlrt/core/backend";
import { panelColumns } from "./chunk.js";
import { chunkBack } from "./delta-back.js";
import type { Back } from "./delta-state-bar.js";
import { coupleAndReadState, prepareUpdate, updateState } from "./delta-chunk.js";
import { Kept } from "./delta-kept.js";
import { loadWritten, readAhead } from "./delta-load.js";
import { loadNorms } from "./delta-norms.js";
import { Sink } from "./delta-sink.js";
import { substitutePivots } from "./delta-triangular.js";
import { deltaWalkOf, type DeltaWalk } from "./delta-walk.js";
import { loadRows, storeRows } from "./pack.js";
import { rowsOf } from "./rows.js";
import { COUPLING, PIVOT, RANK_MAX, scratch, W, X, Y, Z } from "./scratch.js";
import { State } from "./state.js";

/**
 * (30): the way there once more, without the read-out, then chunk by chunk from the last. What panels of columns give to the gradients
 * of query, key, gates and decay adds up.
 */
export function deltaRuleVjp(params: DeltaRuleVjpParams<HostTensor>): void {
  deltaRuleVjpWithin(params, BUDGET);
}

/** Bytes of states and corrections that a call keeps for the way back. */
const BUDGET = 2 ** 27 + 2 ** 26;

/** @param budget bytes to keep to */
export function deltaRuleVjpWithin(params: DeltaRuleVjpParams<HostTensor>, budget: number): void {
  const { n, p, r, batch } = params;
  if (r === 0 || p === 0) return zeroGradients(params);
  const width = Math.min(p, panelColumns(r));
  let kept: Kept | undefined;
  for (let entry = 0; entry < batch; entry++) {
    const walk = { ...deltaWalkOf(params, entry, 16), queries: false };
    const given = params.kept && rowsOf(params.kept, entry);
    const sizes = { n, r, columns: width, chunk: walk.chunk };
    kept ??= new Kept(params.query.dtype, sizes, budget, given !== undefined);
    for (let j = 0; j < p; j += width) {
      const columns = Math.min(width, p - j);
      if (given) kept.give({ ...given, start: given.start + j });
      const final = there(params, walk, kept, entry, j, columns);
      andBack(params, { ...walk, queries: true }, kept, final, entry, j, columns);
    }
  }
}

/** Without a rank or columns nothing depends on anything. */
function zeroGradients({ gradients, batch }: DeltaRuleVjpParams<HostTensor>): void {
  for (const t of Object.values(gradients)) {
    if (t === undefined) continue;
    for (let entry = 0; entry < batch; entry++) {
      const { data, start, stride } = rowsOf(t, entry);
      for (let i = 0; i < t.shape[1]; i++) data.fill(0, start + i * stride, start + i * stride + t.shape[2]);
    }
  }
}

/** The states to `kept`, and U unless it is there; the state after the last row is returned. */
function there(
  { n, initialState, kept: given }: DeltaRuleVjpParams<HostTensor>,
  walk: DeltaWalk,
  kept: Kept,
  entry: number,
  j: number,
  columns: number,
): State {
  const state = new State(walk, columns);
  const { ld } = state;
  const { chunk } = walk;
  state.loadState(initialState && rowsOf(initialState, entry), j);
  for (let i = 0, index = 0; i < n; i += chunk, index++) {
    const rows = Math.min(chunk, n - i);
    if (index % kept.every === 0) state.storeState(kept.state(index, true), 0);
    if (given) {
      goOn(walk, kept, state, i, rows, columns);
      continue;
    }
    readAhead(walk, walk.v, i + rows, Math.min(chunk, n - i - rows), j, columns);
    loadNorms(walk, i, rows);
    loadWritten(walk, i, rows, j, Y, ld, columns);
    coupleAndReadState(walk, state, i, rows, Y, columns);
    substitutePivots(Y, ld, COUPLING, chunk, PIVOT, rows, columns);
    const u = kept.corrections(i);
    storeRows(u.data, u.start, u.stride, Y, ld, rows, columns, 1);
    updateState(walk, state, i, rows, Y, columns);
  }
  return state;
}

function andBack(
  params: DeltaRuleVjpParams<HostTensor>,
  walk: DeltaWalk,
  kept: Kept,
  final: State,
  entry: number,
  j: number,
  columns: number,
): void {
  const { n, gradients, finalStateCotangent } = params;
  const { chunk } = walk;
  const stateBar = new State(walk, columns, W);
  stateBar.loadState(finalStateCotangent && rowsOf(finalStateCotangent, entry), j);
  const back: Back = {
    walk,
    stateBar,
    outBar: rowsOf(params.outCotangent, entry),
    sink: new Sink(params, entry, j),
    closing: new Float64Array(walk.decay === "channel" ? walk.r : 1),
    j,
    columns,
  };
  if (walk.decay !== "none" && finalStateCotangent) close(back, final);
  for (let index = Math.ceil(n / chunk) - 1; index >= 0; index--) {
    const rows = Math.min(chunk, n - index * chunk);
    if (kept.every > 1 && ((index + 1) * chunk >= n || (index + 1) % kept.every === 0))
      computeSegment(walk, kept, final, index, columns);
    const u = kept.corrections(index * chunk);
    loadRows(X, stateBar.ld, u.data, u.start, u.stride, rows, columns, 1);
    if (index > 0) readAhead(walk, back.outBar, (index - 1) * chunk, chunk, j, columns);
    chunkBack(back, index * chunk, rows, kept.state(index, false));
  }
  if (gradients.initialState) stateBar.storeState(rowsOf(gradients.initialState, entry), j);
}

/** The states before the chunks of the segment that ends with chunk `last`, from the kept one before the first and from U. */
function computeSegment(walk: DeltaWalk, kept: Kept, state: State, last: number, columns: number): void {
  const { chunk, n } = walk;
  const first = last - (last % kept.every);
  state.loadState(kept.state(first, true), 0);
  for (let index = first; index <= last; index++) {
    state.storeState(kept.state(index, false), 0);
    if (index === last) return;
    goOn(walk, kept, state, index * chunk, Math.min(chunk, n - index * chunk), columns);
  }
}

/** The state goes on over the rows of a chunk by their U. */
function goOn(walk: DeltaWalk, kept: Kept, state: State, i: number, rows: number, columns: number): void {
  const u = kept.corrections(i);
  loadRows(Y, state.ld, u.data, u.start, u.stride, rows, columns, 1);
  prepareUpdate(walk, i, rows);
  updateState(walk, state, i, rows, Y, columns);
}

const S = scratch;

/** What ḡ of the last chunk is closed by: ⟨Z, Z̄⟩ after the last row, for every channel, or over all. */
function close({ walk: { r }, stateBar, closing, columns }: Back, final: State): void {
  const { ld } = final;
  for (let k = 0; k < r; k += RANK_MAX) {
    const rank = Math.min(RANK_MAX, r - k);
    final.enter(k, rank);
    stateBar.enter(k, rank);
    for (let m = 0; m < rank; m++) {
      let sum = 0;
      for (let at = m * ld; at < m * ld + columns; at++) sum += S[Z + at]! * S[W + at]!;
      closing[closing.length === 1 ? 0 : k + m]! += sum;
    }
  }
}
