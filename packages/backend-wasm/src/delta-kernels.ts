import type { DiagLowRankTril } from "@dlrt/core";
import { checkEraseKey, type DeltaRuleParams, type DeltaRuleVjpParams } from "@dlrt/core/backend";
import { deltaPlan, keptRows, replayPlan, vjpChunk, vjpPlan } from "./delta-plan.js";
import type { Engine } from "./engine.js";
import { Decay, Kernel } from "./job.js";
import { stepPlan, sweepChunk } from "./plan.js";
import type { WasmTensor } from "./tensor.js";

type T = WasmTensor;

/** Tells how the state of an operator decays. With r = 0 there is none that could. */
export function decayOf(
  { decay, q }: Pick<DiagLowRankTril<T>, "decay" | "q">,
  on: "rank" | "columns",
): Decay {
  if (decay === undefined || q.shape[2] === 0) return Decay.none;
  if (decay.shape[2] === 1) return Decay.row;
  return on === "rank" ? Decay.channel : Decay.columns;
}

export function runDeltaRule(engine: Engine, params: DeltaRuleParams<T>): void {
  const { batch, n, r, p, query, key, value, erase, eraseKey, write, decay, scale, eps, out } = params;
  checkEraseKey(params);
  const decayKind = decayOf({ decay, q: query }, "rank");
  const { kept } = params;
  // The kernel for few rows cannot keep anything, so a call that keeps goes by chunks.
  const step = kept ? undefined : stepPlan(engine.threads, params, out.dtype);
  const chunk = sweepChunk(r, p, decayKind, params.chunk);
  const plan = step ? { group: 1, ...step } : deltaPlan(engine.threads, params, out.dtype);
  const { group, segment, segments } = plan;
  engine.run(Math.ceil(batch / group) * segments, {
    kernel: step ? Kernel.deltaStep : Kernel.deltaRule,
    alpha: scale,
    eps,
    batch,
    n,
    r,
    p,
    chunk: kept ? wholeTiles(chunk) : chunk,
    decayKind,
    eraseWidth: erase.shape[2],
    writeWidth: write === undefined ? 0 : write.shape[2],
    group,
    segments,
    segment,
    q: query,
    k: key,
    decay,
    x: value,
    erase,
    eraseKey,
    write,
    out,
    initialState: params.initialState,
    finalState: params.finalState,
    kept,
    keptRows: kept ? keptRows(n) : 0,
  });
}

/** Rounds a chunk up to whole tiles of four rows. Where rows are kept, tiles of two chunks may not overlap. */
const wholeTiles = (chunk: number): number => Math.ceil(chunk / 4) * 4;

export function runDeltaRuleVjp(engine: Engine, params: DeltaRuleVjpParams<T>): void {
  const { batch, n, r, p, query, key, value, erase, eraseKey, write, decay, scale, eps, gradients } = params;
  checkEraseKey(params);
  const { kept: given } = params;
  const decayKind = decayOf({ decay, q: query }, "rank");
  const fitting = vjpChunk(r, p, decayKind, params.chunk);
  const chunk = given ? wholeTiles(fitting) : fitting;
  const writeWidth = write === undefined ? 0 : write.shape[2];
  const plan = given ? replayPlan : vjpPlan;
  const { group, kept } = plan(engine.threads, params, chunk, query.dtype);
  engine.run(Math.ceil(batch / group), {
    kernel: Kernel.deltaRuleVjp,
    alpha: scale,
    eps,
    batch,
    n,
    r,
    p,
    chunk,
    decayKind,
    eraseWidth: erase.shape[2],
    writeWidth,
    group,
    segment: kept,
    q: query,
    k: key,
    decay,
    x: value,
    erase,
    eraseKey,
    write,
    out: params.outCotangent,
    initialState: params.initialState,
    finalState: params.finalStateCotangent,
    queryGradient: gradients.query,
    keyGradient: gradients.key,
    valueGradient: gradients.value,
    eraseGradient: gradients.erase,
    eraseKeyGradient: gradients.eraseKey,
    writeGradient: gradients.write,
    decayGradient: decay?.shape[2] ? gradients.decay : undefined,
    initialStateGradient: gradients.initialState,
    kept: given,
    keptRows: given ? keptRows(n) : 0,
  });
}
