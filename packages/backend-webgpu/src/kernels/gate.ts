import type { GateParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { gatePlan } from "./plans/layers.js";
import { byRows, inSegments, outputs, own, shared } from "./layer-rows.js";

const FLOPS = 80;

/**
 * Computes g from what a model projects, or the gradients: that of x, and that of a as a sum over the columns of every
 * row.
 */
export function gate(ctx: Context, p: GateParams<GpuTensor>): void {
  const { batch, n, p: cols, x, a, bias, lowerBound, cotangent, aTerms, out } = p;
  const tensors = [x, cotangent, out, aTerms];
  const work = { batch, n, chunk: 1, tensors, scratchBytes: 4 * cols + 4, flops: FLOPS * cols };
  inSegments(ctx, work, (segment) => {
    const { to, finish } = outputs(ctx, { out, a_terms: aTerms }, [x, a, bias, cotangent], segment);
    const operands = {
      x: own(ctx, x, segment),
      a: shared(ctx, a, segment),
      bias: shared(ctx, bias, segment),
      cotangent: own(ctx, cotangent, segment),
      ...to,
    };
    const { constants, sizes } = byRows(ctx, segment, cols);
    const modes = {
      bounded: lowerBound === undefined ? 0 : 1,
      gradients: cotangent ? 1 : 0,
      a_wanted: aTerms ? 1 : 0,
    };
    ctx.stream.recorder.dispatch(gatePlan, {
      constants,
      params: { ...operands, ...sizes, ...modes, lower: lowerBound ?? 0 },
      bindings: operands,
      workgroups: sizes.total,
    });
    finish();
  });
}
