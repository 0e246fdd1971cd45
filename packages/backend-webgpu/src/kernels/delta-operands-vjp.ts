import type { DeltaRuleVjpParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { operand, packed } from "./operands.js";
import { scratch } from "./scratch.js";
import { deltaOperandsVjp } from "./plans/delta.js";
import { byRows, outputs } from "./layer-rows.js";
import type { Operand } from "./plan.js";
import { inElements } from "./rows.js";
import type { Segment } from "./segments.js";

type Params = DeltaRuleVjpParams<GpuTensor>;

/** The bits of the shader's `flags`. */
const WANTED = { x: 1, factor: 2 } as const;
const ADDED = { x: 4, factor: 8 } as const;

/**
 * Computes v̄ = w ∘ B̄ and w̄ = v ∘ B̄. Where writing has no gate of its own, w is β, and w̄ is one of the two parts of β̄: it is
 * returned in scratch, for `storeRows` to add the other.
 */
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
  gateGradients(ctx, segment, {
    ...{ x: value, at: operand(ctx, value, segment), factor: write ?? erase },
    ...{ cotangent: inElements(solvedBar), sign: 1 },
    ...{ xGradient: gradients.value, factorGradient: write && gradients.write, sum: first },
  });
  return first;
}

interface Gates {
  /** The tensor whose rows were multiplied by the factor, and those rows as they were then, normalised or not. */
  readonly x: GpuTensor;
  readonly at: Operand;
  readonly factor: GpuTensor;
  readonly cotangent: Operand;
  readonly sign: 1 | -1;
  readonly xAdded?: Operand;
  readonly factorAdded?: Operand | undefined;
  readonly xGradient?: GpuTensor | undefined;
  readonly factorGradient?: GpuTensor | undefined;
  /** Scratch that takes the gradient of x (`raw`) or of the factor (`sum`), where more is to be computed from it. */
  readonly raw?: Operand | undefined;
  readonly sum?: Operand | undefined;
}

export function gateGradients(ctx: Context, segment: Segment, of: Gates): void {
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
  ctx.stream.recorder.dispatch(deltaOperandsVjp, {
    constants,
    params: { ...operands, ...sizes, factor_cols: factor.shape[2], flags, sign },
    bindings: operands,
    workgroups: sizes.total,
  });
  finish();
}
