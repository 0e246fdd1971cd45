import type { GatedNormParams, NormalizeRowsParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { normRowsPlan, normRowsVjpPlan } from "./plans/layers.js";
import { byRows, inSegments, outputs, own, shared } from "./layer-rows.js";
import type { Operand } from "./plan.js";
import type { Segment } from "./segments.js";

/** The bits of the shaders' flags for each activation. */
const ACTIVATIONS = { silu: 1, sigmoid: 2 } as const;
const WEIGHTED = 4;
const WANTED = { x: 8, gate: 16, weightTerms: 32 } as const;
const FLOPS = 40;

type Gradients = NonNullable<GatedNormParams<GpuTensor>["gradients"]>;

interface Norm {
  readonly p: number;
  /** The length that the rows get: 1, or √p. */
  readonly size: number;
  /** √eps · size */
  readonly root: number;
  readonly activation?: keyof typeof ACTIVATIONS;
  readonly x: GpuTensor;
  readonly gate?: GpuTensor | undefined;
  readonly weight?: GpuTensor | undefined;
}

type NormCall = Norm & { readonly batch: number; readonly n: number };

/** Computes out ← x / √(Σx² + eps), or, where a cotangent is given, the gradient of x. */
export function normalizeRows(ctx: Context, p: NormalizeRowsParams<GpuTensor>): void {
  const { cotangent, out } = p;
  const of = { ...p, size: 1, root: Math.sqrt(p.eps) };
  if (cotangent) backward(ctx, of, cotangent, { x: out });
  else forward(ctx, of, out);
}

/** Computes out ← x / √(mean(x²) + eps) ∘ weight ∘ f(gate), or, where a cotangent is given, the gradients of all three. */
export function gatedNorm(ctx: Context, p: GatedNormParams<GpuTensor>): void {
  const { cotangent, gradients, out } = p;
  const of = { ...p, size: Math.sqrt(p.p), root: Math.sqrt(p.eps * p.p) };
  if (cotangent) backward(ctx, of, cotangent, gradients ?? {});
  else if (out) forward(ctx, of, out);
}

function inputs(
  ctx: Context,
  { x, gate, weight }: Norm,
  segment: Segment,
): { readonly x: Operand; readonly gate: Operand; readonly weight: Operand } {
  return { x: own(ctx, x, segment), gate: own(ctx, gate, segment), weight: shared(ctx, weight, segment) };
}

function flagsOf({ activation, gate, weight }: Norm): number {
  return (activation && gate ? ACTIVATIONS[activation] : 0) + (weight ? WEIGHTED : 0);
}

function forward(ctx: Context, of: NormCall, out: GpuTensor): void {
  const { batch, n, p, x, gate, weight, root, size } = of;
  const work = { batch, n, chunk: 1, tensors: [x, gate, out], scratchBytes: 4 * p, flops: FLOPS * p };
  inSegments(ctx, work, (segment) => {
    const { to, finish } = outputs(ctx, { out }, [x, gate, weight], segment);
    const operands = { ...inputs(ctx, of, segment), ...to };
    const { constants, sizes } = byRows(ctx, segment, p);
    ctx.stream.recorder.dispatch(normRowsPlan, {
      constants,
      params: { ...operands, ...sizes, flags: flagsOf(of), root_eps: root, size },
      bindings: operands,
      workgroups: sizes.total,
    });
    finish();
  });
}

function backward(ctx: Context, of: NormCall, cotangent: GpuTensor, gradients: Gradients): void {
  const { batch, n, p, x, gate } = of;
  const tensors = [x, gate, cotangent, gradients.x, gradients.gate, gradients.weightTerms];
  const work = { batch, n, chunk: 1, tensors, scratchBytes: 12 * p, flops: 2 * FLOPS * p };
  inSegments(ctx, work, (segment) => {
    normRowsBack(ctx, of, segment, { rows: own(ctx, cotangent, segment), from: cotangent }, gradients);
  });
}

/** Computes the gradients of one segment's rows. `from` is the tensor in which the cotangent's rows lie; absent for scratch. */
export function normRowsBack(
  ctx: Context,
  of: Norm,
  segment: Segment,
  cotangent: { readonly rows: Operand; readonly from?: GpuTensor },
  gradients: Gradients,
): void {
  const { p, x, gate, weight, root, size } = of;
  const wanted = {
    x_gradient: gradients.x,
    gate_gradient: gradients.gate,
    weight_terms: gradients.weightTerms,
  };
  let flags = flagsOf(of);
  for (const name of ["x", "gate", "weightTerms"] as const) flags += gradients[name] ? WANTED[name] : 0;
  const { to, finish } = outputs(ctx, wanted, [x, gate, weight, cotangent.from], segment);
  const operands = { ...inputs(ctx, of, segment), cotangent: cotangent.rows, ...to };
  const { constants, sizes } = byRows(ctx, segment, p);
  ctx.stream.recorder.dispatch(normRowsVjpPlan, {
    constants,
    params: { ...operands, ...sizes, flags, root_eps: root, size },
    bindings: operands,
    workgroups: sizes.total,
  });
  finish();
}
