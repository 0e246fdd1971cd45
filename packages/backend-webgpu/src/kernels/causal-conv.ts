import type { CausalConvParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import { meets, operand, partition, type Context } from "./context.js";
import { causalConvPlan } from "./layer-plans.js";
import { outputs, shared, THREADS } from "./layer-rows.js";
import type { Operand } from "./plan.js";
import { copyRows, elementOutput } from "./rows.js";
import { segmentSize, type Budget, type Segment } from "./segments.js";

/** Bits of the shader's flags. */
const STATE = 1;
const BIAS = 2;
const SILU = 4;
const GRADIENT = 8;

/** Rows that a thread does. */
export const ROWS = 8;

type Inputs = Omit<CausalConvParams<GpuTensor>, "out" | "finalState">;

/** out ← the convolution of x; the final state is the last rows of what was convolved. */
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

/** What is left of a budget once a binding has had room for so many more rows of `t`. */
export function withRows(budget: Budget, t: GpuTensor, rows: number): Budget {
  const bytes = 4 * rows * Math.abs(t.layout.row);
  return { ...budget, bindingBytes: Math.max(1, budget.bindingBytes - bytes) };
}

/** The rows of x that a segment's rows of the convolution meet: `lead` of them before its own. */
export function reached(
  ctx: Context,
  { x, taps }: Pick<Inputs, "x" | "taps">,
  segment: Segment,
): { readonly x: Operand; readonly lead: number } {
  const lead = Math.min(segment.first, taps - 1);
  const rows = { ...segment, first: segment.first - lead, rows: segment.rows + lead };
  return { x: operand(ctx, x, rows), lead };
}

/** One dispatch: the convolution of a segment's rows, or, for a cotangent of what it is after its activation, that of before. */
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

/** The initial state, or what stands in for it. */
export function stateOf(ctx: Context, { initialState, taps }: Inputs, segment: Segment): Operand {
  return taps > 1 ? shared(ctx, initialState, segment) : ctx.nothing.read;
}

/** The last taps − 1 rows of the initial state and x, one below the other. */
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
