// Every call of the kernels of a layer's small pieces, on tensors that lie as the caller wants them.
import type { Backend, Dtype, FloatArray, Shape } from "@dlrt/core";
import type { WasmTensor } from "@dlrt/backend-wasm";
import { entryStart, runPiece } from "@dlrt/core/backend";
import { random } from "./problem.js";

/** Without kernels: core computes on the elements, in float64. */
export const host = { name: "host", kernels: {}, supports: {} } as unknown as Backend<WasmTensor>;

export interface PieceSizes {
  readonly batch: number;
  readonly n: number;
  readonly p: number;
  readonly taps: number;
  readonly silu: boolean;
  /** Whether there are an initial state, a bias, a gate and a norm's weight. */
  readonly all: boolean;
}

/** Makes a tensor with these elements, or one of the shape for a result. */
export type Place = (shape: Shape, data?: FloatArray) => WasmTensor;

/** Row-major, results full of NaN. */
export const contiguous =
  (backend: Backend<WasmTensor>, dtype: Dtype): Place =>
  (shape, data) => {
    const t = backend.empty(shape, dtype);
    if (data) t.data.set(data);
    else t.data.fill(Number.NaN);
    return t;
  };

/** One of two heads of a wider array, whose rows run from the last; all else is NaN. */
export const scattered =
  (backend: Backend<WasmTensor>, dtype: Dtype): Place =>
  ([batch, rows, cols], data) => {
    const row = 2 * cols + 3;
    const wide = backend.empty([batch / 2, rows, row], dtype);
    wide.data.fill(Number.NaN);
    const t = backend.view(wide, [batch, rows, cols], {
      ...{ offset: Math.max(0, rows - 1) * row + 1, heads: 2, shared: 1 },
      ...{ batch: rows * row, head: cols + 1, row: -row },
    });
    data?.forEach((x, at) => {
      const [entry, i] = [Math.floor(at / (rows * cols)), Math.floor(at / cols) % rows];
      wide.data[entryStart(t.layout, entry) - i * row + (at % cols)] = x;
    });
    return t;
  };

/** The elements of a call, by name. */
export function inputsOf(
  { batch, n, p, taps }: PieceSizes,
  dtype: Dtype,
): Record<string, [Shape, FloatArray]> {
  const shapes: Record<string, [Shape, scale: number]> = {
    x: [[batch, n, p], 5],
    weight: [[batch, taps, p], 2],
    bias: [[batch, 1, p], 2],
    state: [[batch, taps - 1, p], 5],
    bar: [[batch, n, p], 2],
    finalBar: [[batch, taps - 1, p], 2],
    gate: [[batch, n, p], 30],
    scale: [[batch, 1, p], 3],
  };
  return Object.fromEntries(
    Object.entries(shapes).map(([name, [shape, scale]], seed) => [
      name,
      [shape, random(dtype, shape, seed + 1, scale)],
    ]),
  );
}

/** Runs every call where `on` has it computed; the results are tensors of `place`. */
export function everyPiece(
  on: Backend<WasmTensor>,
  place: Place,
  sizes: PieceSizes,
  inputs: Record<string, [Shape, FloatArray]>,
): Record<string, WasmTensor> {
  const { batch, n, p, taps, silu, all } = sizes;
  const given = Object.fromEntries(
    Object.entries(inputs).map(([name, [shape, data]]) => [name, place(shape, data)]),
  );
  const { x, weight, bias, state, bar, finalBar, gate, scale } = given as Record<string, WasmTensor>;
  const stateful = all && taps > 1;
  const rows = { out: place([batch, n, p]), x: place([batch, n, p]), norm: place([batch, n, p]) };
  const norms = { x: place([batch, n, p]), gate: place([batch, n, p]), terms: place([batch, n, p]) };
  const states = taps > 1 ? { final: place([batch, taps - 1, p]) } : undefined;
  const initial = stateful ? { initial: place([batch, taps - 1, p]) } : undefined;
  const sums = { weight: place([batch, taps, p]), ...(all && { bias: place([batch, 1, p]) }) };
  const conv = {
    ...{ batch, n, p, taps, x: x!, weight: weight! },
    activation: silu ? "silu" : "none",
    ...{ bias: all ? bias : undefined, initialState: stateful ? state : undefined },
  } as const;
  runPiece(on, "causalConv", { ...conv, out: rows.out, finalState: states?.final });
  runPiece(on, "causalConvVjp", {
    ...{ ...conv, cotangent: bar!, finalStateCotangent: stateful ? finalBar : undefined },
    gradients: { x: rows.x, weight: sums.weight, bias: sums.bias, initialState: initial?.initial },
  });
  const norm = {
    ...{ batch, n, p, eps: 1e-5, x: x! },
    activation: silu ? "silu" : "sigmoid",
    ...{ gate: all ? gate : undefined, weight: all ? scale : undefined },
  } as const;
  runPiece(on, "gatedNorm", { ...norm, out: rows.norm });
  const gradients = { x: norms.x, gate: all ? norms.gate : undefined, weightTerms: norms.terms };
  runPiece(on, "gatedNorm", { ...norm, cotangent: bar!, gradients });
  return {
    ...{ out: rows.out, "x̄ of the convolution": rows.x, norm: rows.norm, "x̄ of the norm": norms.x },
    ...{ "terms of the norm's weight": norms.terms, ...(all && { z̄: norms.gate }) },
    ...{
      ...states,
      ...initial,
      "sum of the weight": sums.weight,
      ...(sums.bias && { "sum of the bias": sums.bias }),
    },
  };
}
