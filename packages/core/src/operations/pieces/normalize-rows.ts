import type { NormalizeRowsParams } from "../../contract/layer-kernels.js";
import type { FloatArray, HostTensor } from "../../contract/tensor.js";
import { dot, rootOf, rowStart, SHRINK } from "./rows.js";

/** `NormalizeRowsParams` on tensors that the host reaches. */
export function normalizeRows({
  batch,
  n,
  p,
  eps,
  x,
  cotangent,
  out,
}: NormalizeRowsParams<HostTensor>): void {
  for (let entry = 0; entry < batch; entry++) {
    for (let i = 0; i < n; i++) {
      const at = rowStart(x, entry, i);
      const to = rowStart(out, entry, i);
      let shrink = 1;
      let root = rootOf(x.data, at, p, 1, eps, shrink);
      if (root === Infinity) root = rootOf(x.data, at, p, 1, eps, (shrink = SHRINK));
      if (cotangent === undefined) {
        for (let j = 0; j < p; j++) out.data[to + j] = (shrink * x.data[at + j]!) / root;
      } else {
        rowBack(x.data, at, cotangent.data, rowStart(cotangent, entry, i), out.data, to, p, shrink, root);
      }
    }
  }
}

/** Computes (ȳ − y (y·ȳ)) / norm, where y = s x / root and the norm is root / s. */
function rowBack(
  x: FloatArray,
  at: number,
  bar: FloatArray,
  barAt: number,
  out: FloatArray,
  to: number,
  p: number,
  shrink: number,
  root: number,
): void {
  let along = 0; // y·ȳ
  if (shrink === 1) along = dot(x, at, bar, barAt, p) / root;
  else for (let j = 0; j < p; j++) along += ((shrink * x[at + j]!) / root) * bar[barAt + j]!;
  for (let j = 0; j < p; j++) {
    const y = (shrink * x[at + j]!) / root;
    out[to + j] = ((bar[barAt + j]! - y * along) * shrink) / root;
  }
}
