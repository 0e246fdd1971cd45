// Decays of every kind (reference README, section 8), and problems whose solutions stay small under any of them.
import type { Backend, Dtype, FloatArray, Shape } from "@dlrt/core";
import type { ReferenceOperator } from "@dlrt/core/reference";
import type { WasmTensor } from "@dlrt/backend-wasm";
import { random } from "./problem.js";

/** Makes one gap from a number in [0, 1) and its row. */
export type Family = (u: number, row: number) => number;

export const families: Readonly<Record<string, Family>> = {
  "as gates are": (u) => -0.2 * u,
  "down to -20": (u) => -20 * u,
  "all -20": () => -20,
  "all -5": () => -5,
  "0 or -20": (u) => (u < 0.5 ? 0 : -20),
  "-1e-8": () => -1e-8,
  none: () => 0,
  resets: (u, row) => (u < 0.1 || row === 0 ? -Infinity : -0.05 * u),
  "all -100": () => -100,
  "all -1000": () => -1000,
  "an unlucky constant": () => -0.0625 * (1 + 2 ** -11 + 2 ** -23),
  "another unlucky constant": () => -0.34657 * (1 + 3 * 2 ** -22),
};

export type Channels = "row" | "channel";

export interface Decaying {
  readonly op: { diag: WasmTensor; q: WasmTensor; k: WasmTensor; decay: WasmTensor };
  readonly b: WasmTensor;
  readonly state: WasmTensor;
  readonly reference: ReferenceOperator;
  dispose(): void;
}

/** Makes one batch entry, with q = 0.6 k, 0.6 |k|² < 1.8 and λ near 1, so that no row's step makes the state larger. */
export function decaying(
  backend: Backend<WasmTensor>,
  dtype: Dtype,
  [n, r, p]: readonly [number, number, number],
  family: Family,
  channels: Channels,
): Decaying {
  const put = (data: FloatArray, shape: Shape): WasmTensor => backend.upload({ data, shape });
  const k = random(dtype, [1, n, r], 2, Math.sqrt(12 / Math.max(1, r)));
  const columns = channels === "row" ? 1 : r;
  const drawn = random(dtype, [1, n, columns], 7);
  const gaps = drawn.map((u, at) => family(u + 0.5, Math.floor(at / columns)));
  const op = {
    diag: put(
      random(dtype, [1, n, 1], 1, 0.2).map((x) => 1 + x),
      [1, n, 1],
    ),
    q: put(
      k.map((x) => 0.6 * x),
      [1, n, r],
    ),
    k: put(k, [1, n, r]),
    decay: put(gaps, [1, n, columns]),
  };
  const b = put(random(dtype, [1, n, p], 4), [1, n, p]);
  const state = put(random(dtype, [1, r, p], 5), [1, r, p]);
  const plain = (t: WasmTensor): Float64Array => Float64Array.from(t.data);
  const reference = {
    n,
    r,
    diag: plain(op.diag),
    q: plain(op.q),
    k: plain(op.k),
    decay: plain(op.decay),
  };
  const all = [op.diag, op.q, op.k, op.decay, b, state];
  return { op, b, state, reference, dispose: () => all.forEach((t) => t.dispose()) };
}
