import { decayKind, type DeltaRuleVjpParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import { operand, packed, quads, scratch, type Context } from "./context.js";
import { deltaGaps, deltaGates } from "./delta-plans.js";
import type { DeltaRows } from "./delta-rows.js";
import { normRowsVjpPlan } from "./layer-plans.js";
import { byRows, outputs, own } from "./layer-rows.js";
import type { Operand, Range } from "./plan.js";
import { copyRows } from "./rows.js";
import type { Segment } from "./segments.js";

type Params = DeltaRuleVjpParams<GpuTensor>;

/** −P̄, Q̄ and K̄, in elements. */
export interface Bars {
  readonly erase: Operand;
  readonly query: Operand;
  readonly key: Operand;
}

const THREADS = 64;
/** Bits of delta-gates' flags. */
const WANTED = { x: 1, factor: 2 } as const;
const ADDED = { x: 4, factor: 8 } as const;
/** That of norm-rows-vjp. */
const NORM_X = 8;

/** An operand in quads as one in elements. */
function inElements(of: Operand): Operand {
  const { base, batch, head, row } = of;
  return { ...of, base: 4 * base, batch: 4 * batch, head: 4 * head, row: 4 * row };
}

/** v̄ = w ∘ B̄ and w̄ = v ∘ B̄. Without a gate for writing that is β's first part, which is returned. */
export function storeValues(
  ctx: Context,
  params: Params,
  segment: Segment,
  solvedBar: Operand,
): Operand | undefined {
  const { value, erase, write, gradients } = params;
  const beta = write === undefined && gradients.erase !== undefined;
  if (!beta && !gradients.value && !gradients.write) return undefined;
  const { batches, rows } = segment;
  const first = beta ? packed(scratch(ctx, batches * rows), rows, 1) : undefined;
  gates(ctx, segment, {
    ...{ x: value, at: operand(ctx, value, segment), factor: write ?? erase },
    ...{ cotangent: inElements(solvedBar), sign: 1 },
    ...{ xGradient: gradients.value, factorGradient: write && gradients.write, sum: first },
  });
  return first;
}

interface Gates {
  /** What was multiplied by the factor, and its rows as they were multiplied. */
  readonly x: GpuTensor;
  readonly at: Operand;
  readonly factor: GpuTensor;
  readonly cotangent: Operand;
  readonly sign: 1 | -1;
  readonly xAdded?: Operand;
  readonly factorAdded?: Operand | undefined;
  readonly xGradient?: GpuTensor | undefined;
  readonly factorGradient?: GpuTensor | undefined;
  /** Scratch for the gradient of x, where that goes on from there, and of the factor. */
  readonly raw?: Operand | undefined;
  readonly sum?: Operand | undefined;
}

function gates(ctx: Context, segment: Segment, of: Gates): void {
  const { x, at, factor, cotangent, sign, xAdded, factorAdded, raw, sum } = of;
  const { to, finish } = outputs(
    ctx,
    {
      x_gradient: raw ? undefined : of.xGradient,
      factor_gradient: sum ? undefined : of.factorGradient,
    },
    [x, factor],
    segment,
  );
  const operands = {
    ...{ x: at, factor: operand(ctx, factor, segment), cotangent },
    x_added: xAdded ?? ctx.nothing.read,
    factor_added: factorAdded ?? ctx.nothing.read,
    x_gradient: raw ?? to.x_gradient,
    factor_gradient: sum ?? to.factor_gradient,
  };
  const { constants, sizes } = byRows(ctx, segment, x.shape[2]);
  const flags =
    ((raw ?? of.xGradient) ? WANTED.x : 0) +
    ((sum ?? of.factorGradient) ? WANTED.factor : 0) +
    (xAdded ? ADDED.x : 0) +
    (factorAdded ? ADDED.factor : 0);
  ctx.stream.recorder.dispatch(deltaGates, {
    constants,
    params: { ...operands, ...sizes, factor_cols: factor.shape[2], flags, sign },
    bindings: operands,
    workgroups: sizes.total,
  });
  finish();
}

/** The gradients of query, key, erase gate and decay. */
export function storeRows(
  ctx: Context,
  params: Params,
  segment: Segment,
  of: {
    readonly bars: Bars;
    readonly rows: DeltaRows;
    /** β's first part. */
    readonly written: Operand | undefined;
    readonly chunk: number;
    /** Before every chunk and after the last. */
    readonly states: Range;
    /** After every chunk. */
    readonly statesBar: Range;
  },
): void {
  const { r, query, key, erase, eps, gradients } = params;
  const { bars, written } = of;
  const { batches, rows } = segment;
  if (gradients.decay) storeGaps(ctx, params, segment, of);
  if (gradients.query && eps === undefined) {
    const { to, finish } = outputs(ctx, { query: gradients.query }, [], segment);
    copyRows(ctx, { batches, rows, cols: r }, bars.query, to.query);
    finish();
  } else if (gradients.query) normBack(ctx, segment, eps!, query, bars.query, gradients.query);
  if (!gradients.key && !gradients.erase) return;
  const normalized = gradients.key && eps !== undefined;
  const raw = normalized ? packed(scratch(ctx, batches * rows * r), rows, r) : undefined;
  gates(ctx, segment, {
    ...{ x: key, at: inElements(of.rows.key), factor: erase, cotangent: bars.erase, sign: -1 },
    ...{ xAdded: bars.key, factorAdded: written, raw },
    ...{ xGradient: gradients.key, factorGradient: gradients.erase },
  });
  if (raw) normBack(ctx, segment, eps!, key, raw, gradients.key!);
}

/** The gradient of x from that of x / √(Σx² + eps). */
function normBack(
  ctx: Context,
  segment: Segment,
  eps: number,
  x: GpuTensor,
  cotangent: Operand,
  gradient: GpuTensor,
): void {
  const wanted = { x_gradient: gradient, gate_gradient: undefined, weight_terms: undefined };
  const { to, finish } = outputs(ctx, wanted, [x], segment);
  const none = ctx.nothing.read;
  const operands = { x: operand(ctx, x, segment), gate: none, weight: none, cotangent, ...to };
  const { constants, sizes } = byRows(ctx, segment, x.shape[2]);
  ctx.stream.recorder.dispatch(normRowsVjpPlan, {
    constants,
    params: { ...operands, ...sizes, flags: NORM_X, root_eps: Math.sqrt(eps), size: 1 },
    bindings: operands,
    workgroups: sizes.total,
  });
  finish();
}

function storeGaps(
  ctx: Context,
  { r, p, decay, query, key, gradients }: Params,
  segment: Segment,
  of: Parameters<typeof storeRows>[3],
): void {
  const { bars, rows: given, chunk, states, statesBar } = of;
  const { batches, rows } = segment;
  const { to, finish } = outputs(ctx, { out: gradients.decay }, [decay, query, key], segment);
  const chunks = Math.ceil(rows / chunk);
  const channels = decayKind({ decay }) === "channel";
  const count = batches * chunks * (channels ? r : 1);
  const total = channels ? Math.ceil(count / THREADS) : count;
  const operands = {
    decay: own(ctx, decay, segment),
    ...{ q: inElements(given.query), k: inElements(given.key), p: inElements(given.erase) },
    out: to.out,
  };
  ctx.stream.recorder.dispatch(deltaGaps, {
    constants: { THREADS: channels ? THREADS : chunk, CHUNK: chunk, CHANNELS: channels ? 1 : 0 },
    params: {
      ...operands,
      ...{ q_bar: bars.query, p_bar: bars.erase, k_bar: bars.key },
      ...{ rows, rank: r, quads: quads(p), chunks, count, total },
    },
    bindings: { ...operands, bars: bars.query, z: states, z_bar: statesBar },
    workgroups: total,
  });
  finish();
}
