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
 * Follows equation (30): runs the forward pass once more, without its outputs, and then goes back chunk by chunk from
 * the last. Every panel of columns adds its part to the gradients of query, key, gates and decay.
 */
export function deltaRuleVjp(params: DeltaRuleVjpParams<HostTensor>): void {
  deltaRuleVjpWithin(params, BUDGET);
}

/** The most bytes of states and corrections that a call keeps for its backward pass. */
const BUDGET = 2 ** 27 + 2 ** 26;

/** Does the same and keeps at most `budget` bytes of states and corrections. Tests make that small, so that states are computed again. */
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
      const final = forward(params, walk, kept, entry, j, columns);
      backward(params, { ...walk, queries: true }, kept, final, entry, j, columns);
    }
  }
}

/** Sets all gradients to 0: without a rank, or without columns of the value, no output depends on an input. */
function zeroGradients({ gradients, batch }: DeltaRuleVjpParams<HostTensor>): void {
  for (const t of Object.values(gradients)) {
    if (t === undefined) continue;
    for (let entry = 0; entry < batch; entry++) {
      const { data, start, stride } = rowsOf(t, entry);
      for (let i = 0; i < t.shape[1]; i++) data.fill(0, start + i * stride, start + i * stride + t.shape[2]);
    }
  }
}

/** Runs the forward pass. Stores states in `kept`, and U unless `deltaRule` has kept it already. Returns the state after the last row. */
function forward(
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

function backward(
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

/**
 * Computes the state before every chunk of the segment that ends with chunk `last`, from the kept state before its
 * first chunk and from U.
 */
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

/** Takes the state over the rows of one chunk by their corrections U. */
function goOn(walk: DeltaWalk, kept: Kept, state: State, i: number, rows: number, columns: number): void {
  const u = kept.corrections(i);
  loadRows(Y, state.ld, u.data, u.start, u.stride, rows, columns, 1);
  prepareUpdate(walk, i, rows);
  updateState(walk, state, i, rows, Y, columns);
}

const S = scratch;

/** Computes ⟨Z, Z̄⟩ after the last row, for every channel or summed over all. The running sums of ḡ start from it in the last chunk. */
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
