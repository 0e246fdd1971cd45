import type { DeltaRuleParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { meets, operand, packed } from "./operands.js";
import { scratch, within } from "./scratch.js";
import { eraseRow } from "./delta-operands.js";
import { deltaStepPlan } from "./plans/layers.js";
import { MANY, outputs, own, THREADS } from "./layer-rows.js";
import type { Operand } from "./plan.js";
import { copyRows } from "./rows.js";
import { rowsWithin, type Segment } from "./segments.js";

type Params = DeltaRuleParams<GpuTensor>;

/**
 * Computes the delta rule of a single token by one dispatch for all heads, without chunks, which updates the state where it is. With an
 * erase key of its own there is a dispatch before it that forms P, because the shader has no ninth binding for the key.
 */
export function deltaStep(ctx: Context, p: Params): void {
  const { batch, r, initialState, finalState } = p;
  let most = batch;
  const states = [initialState, finalState].flatMap((t) => t ?? []);
  while (most > 1 && states.some((t) => rowsWithin(ctx.budget, t, most) < r)) most = Math.ceil(most / 2);
  for (let batch0 = 0; batch0 < batch; batch0 += most) {
    const batches = Math.min(most, batch - batch0);
    within(ctx, () => step(ctx, p, { batch0, batches, first: 0, rows: 1 }));
  }
  ctx.stream.spent(batch * 6 * r * p.p);
}

function step(ctx: Context, p: Params, segment: Segment): void {
  const { r, p: cols, query, key, value, erase, eraseKey, decay, out, scale, eps } = p;
  const early = eraseKey && eraseRow(ctx, eraseKey, p, segment);
  const write = p.write ?? (early && erase);
  const { state, finish: store } = stateOf(ctx, p, segment);
  const { to, finish } = outputs(ctx, { out }, [...inputsOf(p), p.finalState], segment);
  const operands = {
    query: own(ctx, query, segment),
    key: own(ctx, key, segment),
    value: own(ctx, value, segment),
    erase: early ?? own(ctx, erase, segment),
    write: own(ctx, write, segment),
    decay: own(ctx, decay, segment),
    state,
    out: to.out,
  };
  const LANES = ctx.software && segment.batches * cols >= MANY ? 1 : 4;
  const total = segment.batches * Math.ceil(cols / (THREADS / LANES));
  ctx.stream.recorder.dispatch(deltaStepPlan, {
    constants: { THREADS, LANES, NORMALIZE: eps === undefined ? 0 : 1 },
    params: {
      ...{ ...operands, rank: r, cols, total, scale },
      early: early ? 1 : 0,
      erase_cols: early ? r : erase.shape[2],
      write_cols: write?.shape[2] ?? 0,
      decay_cols: decay?.shape[2] ?? 0,
      root_eps: Math.sqrt(eps ?? 0),
    },
    bindings: operands,
    workgroups: total,
  });
  finish();
  store();
}

const inputsOf = ({
  query,
  key,
  value,
  erase,
  eraseKey,
  write,
  decay,
}: Params): (GpuTensor | undefined)[] => [query, key, value, erase, eraseKey, write, decay];

/**
 * Chooses the state to update. That is the final state itself, which either is the initial one or is made a copy of it; where a
 * dispatch cannot write it in place, or nobody asks for it, it is scratch.
 */
function stateOf(
  ctx: Context,
  p: Params,
  { batch0, batches }: Segment,
): { readonly state: Operand; finish(): void } {
  const { r, p: cols, initialState, finalState } = p;
  const rows = { batch0, batches, first: 0, rows: r };
  const load = (to: Operand): void => {
    const from = initialState ? operand(ctx, initialState, rows) : ctx.nothing.read;
    copyRows(ctx, { batches, rows: initialState ? r : 0, cols, height: r }, from, to);
  };
  const same = initialState && finalState && samePlace(initialState, finalState);
  if (finalState && !meets(finalState, [...inputsOf(p), same ? undefined : initialState])) {
    const state = operand(ctx, finalState, rows);
    if (!same) load(state);
    return { state, finish: () => undefined };
  }
  const state = packed(scratch(ctx, batches * r * cols), r, cols);
  load(state);
  return {
    state,
    finish: () =>
      finalState && copyRows(ctx, { batches, rows: r, cols }, state, operand(ctx, finalState, rows)),
  };
}

function samePlace(a: GpuTensor, b: GpuTensor): boolean {
  const keys = ["offset", "heads", "shared", "batch", "head", "row"] as const;
  return (
    a.buffer === b.buffer && a.offset === b.offset && keys.every((key) => a.layout[key] === b.layout[key])
  );
}
