import type { FloatArray, HostTensor } from "@dlrt/core";
import { entryStart } from "@dlrt/core/backend";

/** The rows of one batch entry in the order visited: the i-th starts at data[start + i·stride]. */
export interface Rows {
  readonly data: FloatArray;
  readonly start: number;
  readonly stride: number;
}

/** Rows of a tensor in any layout; `reversed` from the last to the first. */
export function rowsOf({ data, layout, shape }: HostTensor, entry: number, reversed = false): Rows {
  const start = entryStart(layout, entry);
  const { row } = layout;
  if (!reversed) return { data, start, stride: row };
  return { data, start: start + Math.max(0, shape[1] - 1) * row, stride: -row };
}
