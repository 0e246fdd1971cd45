import type { DeltaRuleParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { operand, packed } from "./operands.js";
import { scratch } from "./scratch.js";
import { quads } from "./sizes.js";
import { deltaOperandsPlan } from "./plans/layers.js";
import { byRows } from "./layer-rows.js";
import type { Operand, Range } from "./plan.js";
import { inElements, input } from "./rows.js";
import type { Segment } from "./segments.js";

/** The rows of a delta rule, counted in quads. Query and key are normalised where that is asked for. */
export interface DeltaRows {
  readonly query: Operand;
  readonly key: Operand;
  /** P = e ∘ k, or e times the row of the erase key where there is one. */
  readonly erase: Operand;
  /** W = w ∘ v */
  readonly written: Operand;
}

export function deltaRows(
  ctx: Context,
  { query, key, value, erase, eraseKey, write, eps }: Omit<DeltaRuleParams<GpuTensor>, "out" | "finalState">,
  segment: Segment,
): DeltaRows {
  const scale = (
    x: GpuTensor,
    of: { readonly eps?: number | undefined; readonly factor?: GpuTensor },
  ): Scaled => scaleRows(ctx, x, segment, of);
  const plain = (x: GpuTensor): Operand =>
    eps === undefined ? input(ctx, x, segment) : scale(x, { eps }).plain;
  const erasing = scale(eraseKey ?? key, { eps, factor: erase });
  return {
    query: plain(query),
    key: eraseKey || eps === undefined ? plain(key) : erasing.plain,
    erase: erasing.scaled,
    written: scale(value, { factor: write ?? erase }).scaled,
  };
}

/** Computes P of a single row whose erase key is one of its own, counted in elements. */
export function eraseRow(
  ctx: Context,
  eraseKey: GpuTensor,
  { erase, eps }: DeltaRuleParams<GpuTensor>,
  segment: Segment,
): Operand {
  return inElements(scaleRows(ctx, eraseKey, segment, { eps, factor: erase }).scaled);
}

interface Scaled {
  /** The rows of x, normalised. They are computed only where `eps` is given. */
  readonly plain: Operand;
  /** The same multiplied by the factor. They are computed only where there is one. */
  readonly scaled: Operand;
}

function scaleRows(
  ctx: Context,
  x: GpuTensor,
  segment: Segment,
  { eps, factor }: { readonly eps?: number | undefined; readonly factor?: GpuTensor },
): Scaled {
  const { batches, rows } = segment;
  const cols = x.shape[2];
  const width = 4 * quads(cols);
  const array = (wanted: boolean): Range => scratch(ctx, wanted ? batches * rows * width : 4);
  const results = { plain: array(eps !== undefined), scaled: array(factor !== undefined) };
  const operands = {
    x: operand(ctx, x, segment),
    factor: factor ? operand(ctx, factor, segment) : ctx.nothing.read,
  };
  const { constants, sizes } = byRows(ctx, segment, cols);
  ctx.stream.recorder.dispatch(deltaOperandsPlan, {
    constants: {
      ...constants,
      NORMALIZE: eps === undefined ? 0 : 1,
      PLAIN: eps === undefined ? 0 : 1,
      SCALED: factor ? 1 : 0,
    },
    params: {
      ...{ ...operands, ...sizes, width },
      factor_cols: factor?.shape[2] ?? 1,
      root_eps: Math.sqrt(eps ?? 0),
    },
    bindings: { ...operands, ...results },
    workgroups: sizes.total,
  });
  const inQuads = (range: Range): Operand => packed(range, rows, width / 4);
  return { plain: inQuads(results.plain), scaled: inQuads(results.scaled) };
}
