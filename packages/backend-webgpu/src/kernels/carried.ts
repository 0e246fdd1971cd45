import type { Sizes } from "@dlrt/core";
import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { meets } from "./operands.js";
import { partition } from "./partition.js";
import type { Operand } from "./plan.js";
import { output } from "./rows.js";
import { segmentSize, type Segment, type Work } from "./segments.js";
import { loadState, storeState, type Carry } from "./state.js";

/** An operation that carries a state along its rows. */
interface Carried extends Sizes, Omit<Work, "tensors"> {
  readonly trans: boolean;
  /** The tensors of which it reads rows. */
  readonly inputs: readonly (GpuTensor | undefined)[];
  readonly out: GpuTensor;
  readonly initialState?: GpuTensor | undefined;
  readonly finalState?: GpuTensor | undefined;
}

/**
 * Records an operation segment by segment. For each segment `run` writes the rows to `to`, and takes `carry` from the state
 * before them to the state after them.
 */
export function carried(
  ctx: Context,
  { batch, n, r, p, trans, chunk, flops, scratchBytes, inputs, out, initialState, finalState }: Carried,
  run: (segment: Segment, carry: Carry, to: Operand) => void,
): void {
  const apart = meets(out, inputs);
  const size = segmentSize({ batch, n, chunk, tensors: [...inputs, out], scratchBytes, flops }, ctx.budget);
  partition(ctx, batch, n, size, (batch0, batches) => {
    const part = { batch0, batches, r, p };
    const carry = loadState(ctx, part, initialState);
    return {
      segment(segment): void {
        const { to, finish } = output(ctx, out, segment, { trans, apart });
        run(segment, carry, to);
        finish();
        ctx.stream.spent(flops * segment.rows * batches);
      },
      end: (): void => storeState(ctx, part, carry, finalState),
    };
  });
}
