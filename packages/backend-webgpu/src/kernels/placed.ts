import type { GpuTensor } from "../tensor.js";

/** Where a tensor lies: `layout` counts elements from byte `offset` of `buffer`. */
export type Placed = Pick<GpuTensor, "buffer" | "offset" | "shape" | "layout">;
