import type { CausalConvParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { meets, operand } from "./operands.js";
import { partition } from "./partition.js";
import { causalConvPlan } from "./plans/layers.js";
import { outputs, shared, THREADS } from "./layer-rows.js";
import type { Operand } from "./plan.js";
import { copyRows, elementOutput } from "./rows.js";
import { segmentSize, type Budget, type Segment } from "./segments.js";

/** The bits of the shader's `flags`. */
const STATE = 1;
const BIAS = 2;
const SILU = 4;
const GRADIENT = 8;

/** The number of rows that one thread computes. */
export const ROWS = 8;

type Inputs = Omit<CausalConvParams<GpuTensor>, "out" | "finalState">;

/** Computes out ← the convolution of x. The final state is the last taps − 1 rows of what was convolved. */
export function causalConv(ctx: Context, p: CausalConvParams<GpuTensor>): void {
  const { batch, n, p: cols, taps, x, weight, bias, initialState, finalState, out } = p;
  const flops = 10 * cols * taps;
  const work = { batch, n, chunk: 1, tensors: [x, out], scratchBytes: 4 * cols, flops };
  const size = segmentSize(work, withRows(ctx.budget, x, taps - 1));
  partition(ctx, batch, n, size, (batch0, batches) => ({
    segment(segment): void {
      const { to, finish } = outputs(ctx, { out }, [x, weight, bias, initialState], segment);
      convolve(ctx, p, segment, to.out);
      finish();
      ctx.stream.spent(flops * segment.rows * batches);
    },
    end(): void {
      if (finalState && taps > 1) {
        storeLastRows(ctx, p, finalState, { batch0, batches, first: 0, rows: taps - 1 });
      }
    },
  }));
}

/** Lowers a budget so that a binding has room for so many more rows of `t` than a segment has. */
export function withRows(budget: Budget, t: GpuTensor, rows: number): Budget {
  const bytes = 4 * rows * Math.abs(t.layout.row);
  return { ...budget, bindingBytes: Math.max(1, budget.bindingBytes - bytes) };
}

/** Describes the rows of x that a segment of the convolution reads: its own, and `lead` of them before. */
export function reached(
  ctx: Context,
  { x, taps }: Pick<Inputs, "x" | "taps">,
  segment: Segment,
): { readonly x: Operand; readonly lead: number } {
  const lead = Math.min(segment.first, taps - 1);
  const rows = { ...segment, first: segment.first - lead, rows: segment.rows + lead };
  return { x: operand(ctx, x, rows), lead };
}

/**
 * Dispatches the convolution of a segment's rows. Where a `cotangent` of its activated result is given, the cotangent of the
 * sums before the activation is computed instead.
 */
export function convolve(
  ctx: Context,
  p: Inputs,
  segment: Segment,
  out: Operand,
  cotangent?: GpuTensor,
): void {
  const { p: cols, taps, activation, weight, bias, initialState } = p;
  const { x, lead } = reached(ctx, p, segment);
  const operands = {
    x,
    weight: shared(ctx, weight, segment),
    bias: shared(ctx, bias, segment),
    state: stateOf(ctx, p, segment),
    cotangent: cotangent ? operand(ctx, cotangent, segment) : ctx.nothing.read,
    out,
  };
  const { batches, rows, first } = segment;
  const total = batches * Math.ceil(rows / ROWS) * cols;
  const flags =
    (initialState ? STATE : 0) +
    (bias ? BIAS : 0) +
    (activation === "silu" ? SILU : 0) +
    (cotangent ? GRADIENT : 0);
  ctx.stream.recorder.dispatch(causalConvPlan, {
    constants: { THREADS },
    params: { ...operands, rows, cols, taps, first, lead, total, flags },
    bindings: operands,
    workgroups: Math.ceil(total / THREADS),
  });
}

/** Describes the initial state, or what is bound in its place where there is none. */
export function stateOf(ctx: Context, { initialState, taps }: Inputs, segment: Segment): Operand {
  return taps > 1 ? shared(ctx, initialState, segment) : ctx.nothing.read;
}

/** Stores the final state: the last taps − 1 of the initial state's rows followed by those of x. */
function storeLastRows(
  ctx: Context,
  { n, p: cols, taps, x, initialState }: CausalConvParams<GpuTensor>,
  finalState: GpuTensor,
  whole: Segment,
): void {
  const { batches } = whole;
  const apart = meets(finalState, [x, initialState]);
  const { to, finish } = elementOutput(ctx, finalState, whole, apart);
  const ofX = Math.min(n, taps - 1);
  const ofState = taps - 1 - ofX;
  if (ofState > 0) {
    const from = initialState
      ? operand(ctx, initialState, { ...whole, first: n, rows: ofState })
      : ctx.nothing.read;
    const extent = { batches, rows: initialState ? ofState : 0, cols, height: ofState };
    copyRows(ctx, extent, from, to);
  }
  const from = operand(ctx, x, { ...whole, first: n - ofX, rows: ofX });
  copyRows(ctx, { batches, rows: ofX, cols }, from, { ...to, base: to.base + ofState * to.row });
  finish();
}
