import type { Kernels } from "@dlrt/core";
import type { GpuTensor } from "../tensor.js";
import { apply } from "./apply.js";
import type { Context } from "./context.js";
import { inverse } from "./inverse.js";
import { rowDot } from "./row-dot.js";
import { solve } from "./solve.js";
import { trilInverse } from "./tril-inverse.js";

/** Runs one operation: `Stream.operation`. */
type Operation = (name: string, work: () => void) => void;

export function kernelsOf(ctx: Context, operation: Operation): Kernels<GpuTensor> {
  const enqueue =
    <P>(name: string, kernel: (ctx: Context, p: P) => void) =>
    (p: P): void =>
      operation(name, () => kernel(ctx, p));
  return {
    apply: enqueue("apply", apply),
    solve: enqueue("solve", solve),
    inverse: enqueue("inverse", inverse),
    trilInverse: enqueue("trilInverse", trilInverse),
    rowDot: enqueue("rowDot", rowDot),
  };
}
