import type { FloatArray, HostTensor } from "@dlrt/core";
import type { CopyParams } from "@dlrt/core/backend";
import { rowsOf } from "./rows.js";

/** A block of so many rows and columns is transposed at once, so that the cache lines of both sides are used whole. */
const BLOCK = 16;

/** Copies out ← α x, or α xᵀ, between any two layouts. */
export function copy(params: CopyParams<HostTensor>): void {
  const { rows, cols, alpha, trans } = params;
  const block = trans ? BLOCK : cols;
  for (let entry = 0; entry < params.batch; entry++) {
    const x = rowsOf(params.x, entry);
    const out = rowsOf(params.out, entry);
    // Element (i, j) of out is x's element down·i + along·j.
    const [down, along] = trans ? [1, x.stride] : [x.stride, 1];
    for (let i = 0; i < rows; i += BLOCK) {
      for (let j = 0; j < cols; j += block) {
        const to = out.start + i * out.stride + j;
        const from = x.start + i * down + j * along;
        const height = Math.min(BLOCK, rows - i);
        copyBlock(
          out.data,
          to,
          out.stride,
          x.data,
          from,
          down,
          along,
          height,
          Math.min(block, cols - j),
          alpha,
        );
      }
    }
  }
}

function copyBlock(
  out: FloatArray,
  to: number,
  stride: number,
  x: FloatArray,
  from: number,
  down: number,
  along: number,
  rows: number,
  cols: number,
  alpha: number,
): void {
  for (let i = 0; i < rows; i++) {
    const t = (to + i * stride) | 0;
    let s = (from + i * down) | 0;
    for (let j = 0; j < cols; j++) {
      out[(t + j) | 0] = alpha * x[s]!;
      s = (s + along) | 0;
    }
  }
}
