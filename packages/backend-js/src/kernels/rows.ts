import type { FloatArray, HostTensor } from "@dlrt/core";
import { entryStart } from "@dlrt/core/backend";

/** The rows of one batch entry in the order visited: the i-th starts at data[start + i·stride]. */
export interface Rows {
  readonly data: FloatArray;
  readonly start: number;
  readonly stride: number;
}

/** Describes the rows of a tensor in any layout, from the last to the first where `reversed`. */
export function rowsOf(t: HostTensor, entry: number, reversed = false): Rows {
  const { layout } = t;
  // The first form saves a division where there is one head. Calls on a single row do little else.
  const start = layout.heads === 1 ? layout.offset + entry * layout.batch : entryStart(layout, entry);
  if (!reversed) return { data: t.data, start, stride: layout.row };
  return { data: t.data, start: start + Math.max(0, t.shape[1] - 1) * layout.row, stride: -layout.row };
}
