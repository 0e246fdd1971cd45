import type { Kernels } from "@dlrt/core/backend";
import { GpuTensor } from "../tensor.js";
import { apply } from "./apply.js";
import { causalConv } from "./causal-conv.js";
import { causalConvVjp } from "./causal-conv-vjp.js";
import type { Context } from "./context.js";
import type { Placed } from "./placed.js";
import { copy } from "./copy.js";
import { decayVjp } from "./decay-vjp.js";
import { deltaRule } from "./delta-rule.js";
import { deltaRuleVjp } from "./delta-rule-vjp.js";
import { gate } from "./gate.js";
import { inverse } from "./inverse.js";
import { gatedNorm, normalizeRows } from "./norm-rows.js";
import { rowDot } from "./row-dot.js";
import { solve } from "./solve.js";
import { trilInverse } from "./tril-inverse.js";

/** Runs one operation, as `Stream.operation` does. */
type Operation = (
  name: string,
  tensors: { readonly reads: readonly Placed[]; readonly writes: readonly Placed[] },
  work: () => void,
) => void;

/**
 * The names of the parameters that kernels write, along with all `gradients`. Kernels write every element of them, and
 * read every other tensor, those of the operator among them.
 */
const WRITTEN: readonly string[] = ["out", "finalState", "aTerms"];

function tensorsOf(p: object): { reads: GpuTensor[]; writes: GpuTensor[] } {
  const reads: GpuTensor[] = [];
  const writes: GpuTensor[] = [];
  for (const name in p) {
    const value: unknown = p[name as keyof typeof p];
    if (name === "op") reads.push(...tensorsOf(value as object).reads);
    if (name === "gradients") writes.push(...tensorsOf(value as object).reads);
    if (value instanceof GpuTensor) (WRITTEN.includes(name) ? writes : reads).push(value);
  }
  return { reads, writes };
}

export function kernelsOf(ctx: Context, operation: Operation): Kernels<GpuTensor> {
  const enqueue =
    <P extends object>(name: string, kernel: (ctx: Context, p: P) => void) =>
    (p: P): void =>
      operation(name, tensorsOf(p), () => kernel(ctx, p));
  return {
    apply: enqueue("apply", apply),
    solve: enqueue("solve", solve),
    inverse: enqueue("inverse", inverse),
    trilInverse: enqueue("trilInverse", trilInverse),
    rowDot: enqueue("rowDot", rowDot),
    copy: enqueue("copy", copy),
    decayVjp: enqueue("decayVjp", decayVjp),
    deltaRule: enqueue("deltaRule", deltaRule),
    deltaRuleVjp: enqueue("deltaRuleVjp", deltaRuleVjp),
    normalizeRows: enqueue("normalizeRows", normalizeRows),
    gate: enqueue("gate", gate),
    causalConv: enqueue("causalConv", causalConv),
    causalConvVjp: enqueue("causalConvVjp", causalConvVjp),
    gatedNorm: enqueue("gatedNorm", gatedNorm),
  };
}
