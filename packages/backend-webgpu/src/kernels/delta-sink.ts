import { decayKind, type DeltaRuleVjpParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { packed } from "./operands.js";
import { scratch } from "./scratch.js";
import { quads } from "./sizes.js";
import { gateGradients } from "./delta-operands-vjp.js";
import { deltaDecayVjp } from "./plans/delta.js";
import type { DeltaRows } from "./delta-operands.js";
import { outputs, own } from "./layer-rows.js";
import { normRowsBack } from "./norm-rows.js";
import type { Operand, Range } from "./plan.js";
import { copyRows, inElements } from "./rows.js";
import type { Segment } from "./segments.js";

type Params = DeltaRuleVjpParams<GpuTensor>;

/** −P̄, Q̄ and K̄, counted in elements. */
export interface Bars {
  readonly erase: Operand;
  readonly query: Operand;
  readonly key: Operand;
}

const THREADS = 64;

/** Stores the gradients of query, key, erase gate and decay, which it computes from those of P, Q and K. */
export function storeRows(
  ctx: Context,
  params: Params,
  segment: Segment,
  of: {
    readonly bars: Bars;
    readonly rows: DeltaRows;
    /** The part of β̄ that comes from writing, where β gates writing too. */
    readonly written: Operand | undefined;
    readonly chunk: number;
    /** Z before every chunk and after the last. */
    readonly states: Range;
    /** Z̄ after every chunk. */
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
  gateGradients(ctx, segment, {
    ...{ x: key, at: inElements(of.rows.key), factor: erase, cotangent: bars.erase, sign: -1 },
    ...{ xAdded: bars.key, factorAdded: written, raw },
    ...{ xGradient: gradients.key, factorGradient: gradients.erase },
  });
  if (raw) normBack(ctx, segment, eps!, key, raw, gradients.key!);
}

/** Computes the gradient of x from that of x / √(Σx² + eps). */
function normBack(
  ctx: Context,
  segment: Segment,
  eps: number,
  x: GpuTensor,
  cotangent: Operand,
  gradient: GpuTensor,
): void {
  const of = { p: x.shape[2], size: 1, root: Math.sqrt(eps), x };
  normRowsBack(ctx, of, segment, { rows: cotangent }, { x: gradient });
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
  ctx.stream.recorder.dispatch(deltaDecayVjp, {
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
