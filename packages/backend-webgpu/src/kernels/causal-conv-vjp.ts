import type { CausalConvVjpParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { meets, operand, packed } from "./operands.js";
import { partition } from "./partition.js";
import { scratch } from "./scratch.js";
import { convolve, reached, ROWS, stateOf, withRows } from "./causal-conv.js";
import { causalConvInputsPlan, causalConvSumsPlan } from "./plans/layers.js";
import { shared, THREADS } from "./layer-rows.js";
import type { Operand, Range } from "./plan.js";
import { elementOutput } from "./rows.js";
import { segmentSize, type Segment } from "./segments.js";

/** The number of rows that one thread adds up. */
const CHUNK = 64;

type Params = CausalConvVjpParams<GpuTensor>;

const inputsOf = ({
  x,
  weight,
  bias,
  initialState,
  cotangent,
  finalStateCotangent,
}: Params): (GpuTensor | undefined)[] => [x, weight, bias, initialState, cotangent, finalStateCotangent];

/** Computes the gradients of a convolution: that of its inputs row by row, and those of weight and bias as sums over all rows. */
export function causalConvVjp(ctx: Context, p: Params): void {
  const { batch, n, p: cols, taps, x, cotangent, gradients } = p;
  const chunks = Math.ceil(n / CHUNK);
  const flops = 30 * cols * taps;
  const scratchBytes = 8 * cols + (8 * cols * (taps + 1)) / CHUNK;
  const tensors = [x, cotangent, gradients.x];
  const work = { batch, n, chunk: CHUNK, tensors, scratchBytes, flops };
  const size = segmentSize(work, withRows(withRows(ctx.budget, x, 2 * taps - 2), cotangent, taps - 1));
  partition(ctx, batch, n, size, (batch0, batches) => {
    const whole = { batch0, batches, first: 0, rows: n };
    const wanted = gradients.weight ?? gradients.bias;
    const sums = wanted && scratch(ctx, 2 * batches * chunks * (taps + 1) * cols);
    return {
      segment(segment): void {
        const given = cotangentOfSums(ctx, p, segment);
        inputGradients(ctx, p, segment, given);
        if (sums) addRows(ctx, p, segment, { given, sums, chunks });
        ctx.stream.spent(flops * segment.rows * batches);
      },
      end(): void {
        if (sums && gradients.weight)
          addChunks(ctx, p, whole, { sums, chunks, to: gradients.weight, firstTap: 0 });
        if (sums && gradients.bias)
          addChunks(ctx, p, whole, { sums, chunks, to: gradients.bias, firstTap: taps });
      },
    };
  });
}

/** Returns the cotangent of the convolution's sums, ȳ, for a segment's rows and for the taps − 1 rows after it, which its inputs reach. */
function cotangentOfSums(ctx: Context, p: Params, segment: Segment): Operand {
  const { n, p: cols, taps, activation, cotangent } = p;
  const rows = Math.min(segment.rows + taps - 1, n - segment.first);
  const reach = { ...segment, rows };
  if (activation === "none") return operand(ctx, cotangent, reach);
  const given = packed(scratch(ctx, segment.batches * rows * cols), rows, cols);
  convolve(ctx, p, reach, given, cotangent);
  return given;
}

function inputGradients(ctx: Context, p: Params, segment: Segment, given: Operand): void {
  const { taps, gradients } = p;
  const { first } = segment;
  if (first === 0 && gradients.initialState && taps > 1) {
    const rows = { ...segment, rows: taps - 1 };
    inputRows(ctx, p, rows, { given, to: gradients.initialState, row: 0, givenFirst: 0 });
  }
  if (gradients.x) {
    inputRows(ctx, p, segment, { given, to: gradients.x, row: first + taps - 1, givenFirst: first });
  }
}

/** Computes the gradients of rows of X, the first of which is `row`; `givenFirst` is the row of ȳ at which `given` begins. */
function inputRows(
  ctx: Context,
  p: Params,
  segment: Segment,
  of: { readonly given: Operand; readonly to: GpuTensor; readonly row: number; readonly givenFirst: number },
): void {
  const { n, p: cols, taps, weight, finalStateCotangent } = p;
  const final = taps > 1 ? finalStateCotangent : undefined;
  const { to, finish } = elementOutput(ctx, of.to, segment, meets(of.to, inputsOf(p)));
  const operands = {
    given: of.given,
    weight: shared(ctx, weight, segment),
    final_given: shared(ctx, final, segment),
    out: to,
  };
  const { batches, rows } = segment;
  const total = batches * Math.ceil(rows / ROWS) * cols;
  ctx.stream.recorder.dispatch(causalConvInputsPlan, {
    constants: { THREADS },
    params: {
      ...operands,
      ...{ rows, cols, taps, n, total },
      first: of.row,
      given_first: of.givenFirst,
      flags: final ? 1 : 0,
    },
    bindings: operands,
    workgroups: Math.ceil(total / THREADS),
  });
  finish();
}

/** Adds up, chunk by chunk, what a segment contributes to the gradients of weight and bias. */
function addRows(
  ctx: Context,
  p: Params,
  segment: Segment,
  { given, sums, chunks }: { readonly given: Operand; readonly sums: Range; readonly chunks: number },
): void {
  const { p: cols, taps, initialState } = p;
  const { batches, rows, first } = segment;
  const { x, lead } = reached(ctx, p, segment);
  const operands = { given, x, state: stateOf(ctx, p, segment), out: ctx.nothing.write };
  const total = batches * Math.ceil(rows / CHUNK) * (taps + 1) * cols;
  ctx.stream.recorder.dispatch(causalConvSumsPlan, {
    constants: { THREADS, CHUNK, PASS: 0 },
    params: {
      ...operands,
      ...{ rows, cols, taps, first, lead, chunks, total },
      ...{ first_tap: 0, out_rows: 0, flags: initialState ? 1 : 0 },
    },
    bindings: { ...operands, sums },
    workgroups: Math.ceil(total / THREADS),
  });
}

/** Writes the sums over all chunks for the taps from `firstTap` on, as many as `to` has rows. */
function addChunks(
  ctx: Context,
  p: Params,
  { batch0, batches }: Segment,
  of: { readonly sums: Range; readonly chunks: number; readonly to: GpuTensor; readonly firstTap: number },
): void {
  const { p: cols, taps } = p;
  const { sums, chunks, firstTap } = of;
  const outRows = of.to.shape[1];
  const rows = { batch0, batches, first: 0, rows: outRows };
  const { to, finish } = elementOutput(ctx, of.to, rows, false);
  const none = ctx.nothing.read;
  const operands = { given: none, x: none, state: none, out: to };
  const total = batches * outRows * cols;
  ctx.stream.recorder.dispatch(causalConvSumsPlan, {
    constants: { THREADS, CHUNK, PASS: 1 },
    params: {
      ...operands,
      ...{ rows: 0, cols, taps, first: 0, lead: 0, chunks, total },
      ...{ first_tap: firstTap, out_rows: outRows, flags: 0 },
    },
    bindings: { ...operands, sums },
    workgroups: Math.ceil(total / THREADS),
  });
  finish();
}
