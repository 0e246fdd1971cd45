import type { GpuTensor, WebGpuBackend } from "../../src/index.js";
import { rowOf, uploadDelta, type DeltaProblem } from "./delta-rule.js";

export const NAMES = ["query", "key", "value", "erase", "write", "decay", "initialState"] as const;
export type Name = (typeof NAMES)[number];

/** The cotangents of the output [batch, n, p] and of the final state [batch, r, p]. */
export interface Cotangents {
  readonly out: Float32Array;
  readonly state?: Float32Array | undefined;
}

export interface TrueGradients {
  readonly gradients: Readonly<Record<Name, Float64Array>>;
  /** What errors are measured by: the largest element, or, where numbers were subtracted to make it, the largest of those. */
  readonly sizes: Readonly<Record<Name, number>>;
}

/** Returns how many columns a gate has, and where its number for a row and column is. */
function gateOf(
  data: Float32Array | undefined,
  rows: number,
): { readonly cols: number; at(row: number, column: number): number } {
  const cols = (data?.length ?? 0) / rows;
  return { cols, at: (row, column) => (cols === 1 ? row : row * cols + column) };
}

/** Computes the gradients in float64 by going back through the recurrence. That of g is 0 where g = −∞. */
export function reversed(of: DeltaProblem, cotangents: Cotangents): TrueGradients {
  const { batch, r, p } = of.shape;
  const zeros = (like: Float32Array | undefined): Float64Array => new Float64Array(like?.length ?? 0);
  const gradients: Record<Name, Float64Array> = {
    ...{ query: zeros(of.query), key: zeros(of.key), value: zeros(of.value) },
    ...{ erase: zeros(of.erase), write: zeros(of.write), decay: zeros(of.decay) },
    initialState: Float64Array.from(cotangents.state ?? new Float32Array(batch * r * p)),
  };
  const sizes: Partial<Record<Name, number>> = {};
  for (let entry = 0; entry < batch; entry++) reverseEntry(of, cotangents, entry, gradients, sizes);
  for (const name of NAMES)
    sizes[name] ??= gradients[name].reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return { gradients, sizes: sizes as Record<Name, number> };
}

function reverseEntry(
  of: DeltaProblem,
  { out }: Cotangents,
  entry: number,
  gradients: Record<Name, Float64Array>,
  sizes: Partial<Record<Name, number>>,
): void {
  const { batch, n, r, p } = of.shape;
  const [erase, write, decay] = [of.erase, of.write ?? of.erase, of.decay].map((x) => gateOf(x, batch * n));
  const rows = rowsThere(of, entry);
  const bar = gradients.initialState.subarray(entry * r * p, (entry + 1) * r * p);
  const writeGradient = of.write ? gradients.write : gradients.erase;
  for (const { row, q, k, before, decayed, u } of rows.reverse()) {
    const [qBar, kBar] = [new Float64Array(r), new Float64Array(r)];
    for (let c = 0; c < p; c++) {
      const o = of.scale * out[row * p + c]!;
      let uBar = 0;
      for (let m = 0; m < r; m++) {
        const at = m * p + c;
        qBar[m]! += o * (decayed[at]! + k[m]! * u[c]!);
        bar[at]! += q[m]! * o;
        kBar[m]! += bar[at]! * u[c]!;
        uBar += bar[at]! * k[m]!;
      }
      gradients.value[row * p + c] = (of.write ?? of.erase)[write!.at(row, c)]! * uBar;
      writeGradient[write!.at(row, c)]! += of.value[row * p + c]! * uBar;
      for (let m = 0; m < r; m++) {
        const at = m * p + c;
        const gate = of.erase[erase!.at(row, m)]!;
        const read = -uBar * decayed[at]!;
        gradients.erase[erase!.at(row, m)]! += read * k[m]!;
        kBar[m]! += read * gate;
        bar[at]! -= uBar * gate * k[m]!;
        if (!of.decay) continue;
        const gap = decay!.at(row, m);
        const factor = Math.exp(of.decay[gap]!);
        if (factor > 0 || of.decay[gap]! > -Infinity)
          gradients.decay[gap]! += bar[at]! * factor * before[at]!;
        bar[at]! *= factor;
      }
    }
    normBack(of, { row, name: "query", y: q, bar: qBar }, gradients.query, sizes);
    normBack(of, { row, name: "key", y: k, bar: kBar }, gradients.key, sizes);
  }
}

/** Computes the gradient of a row of query or key from the gradient of y, which is that row as it was used, normalised or not. */
function normBack(
  of: DeltaProblem,
  at: {
    readonly row: number;
    readonly name: "query" | "key";
    readonly y: readonly number[];
    readonly bar: Float64Array;
  },
  gradient: Float64Array,
  sizes: Partial<Record<Name, number>>,
): void {
  const { row, name, y, bar } = at;
  const r = y.length;
  const squares = of[name].subarray(row * r, (row + 1) * r).reduce((sum, x) => sum + x * x, of.eps ?? 0);
  const norm = of.eps === undefined ? 1 : Math.sqrt(squares);
  const along = of.eps === undefined ? 0 : bar.reduce((sum, value, m) => sum + value * y[m]!, 0);
  bar.forEach((value, m) => {
    gradient[row * r + m] = (value - along * y[m]!) / norm;
    const size = (Math.abs(value) + Math.abs(along * y[m]!)) / norm;
    sizes[name] = Math.max(sizes[name] ?? 0, size);
  });
}

interface RowThere {
  readonly row: number;
  readonly q: readonly number[];
  readonly k: readonly number[];
  readonly before: Float64Array;
  readonly decayed: Float64Array;
  readonly u: Float64Array;
}

/** Runs the recurrence of one batch entry, and keeps of every row what the way back needs. */
function rowsThere(of: DeltaProblem, entry: number): RowThere[] {
  const { batch, n, r, p } = of.shape;
  const [erase, write, decay] = [of.erase, of.write ?? of.erase, of.decay].map((x) => gateOf(x, batch * n));
  let state = new Float64Array(r * p);
  if (of.initialState) state.set(of.initialState.subarray(entry * r * p, (entry + 1) * r * p));
  return Array.from({ length: n }, (_, i) => {
    const row = entry * n + i;
    const [q, k] = [rowOf(of.query, row, r, of.eps), rowOf(of.key, row, r, of.eps)];
    const before = state;
    const decayed = before.map((z, at) =>
      of.decay ? z * Math.exp(of.decay[decay!.at(row, Math.floor(at / p))]!) : z,
    );
    const u = Float64Array.from({ length: p }, (_, c) => {
      let sum = (of.write ?? of.erase)[write!.at(row, c)]! * of.value[row * p + c]!;
      for (let m = 0; m < r; m++) sum -= of.erase[erase!.at(row, m)]! * k[m]! * decayed[m * p + c]!;
      return sum;
    });
    state = decayed.map((z, at) => z + k[Math.floor(at / p)]! * u[at % p]!);
    return { row, q, k, before, decayed, u };
  });
}

/** Computes the gradients by the kernel, of all operands that there are or of some. The tensors for them are full of NaN beforehand. */
export async function fusedBack(
  on: WebGpuBackend,
  of: DeltaProblem,
  cotangents: Cotangents,
  { names = NAMES, chunk }: { readonly names?: readonly Name[]; readonly chunk?: number | undefined } = {},
): Promise<Partial<Record<Name, Float32Array>>> {
  const { batch, n, r, p } = of.shape;
  const { params, dispose } = uploadDelta(on, of);
  const { out: _, finalState: __, ...inputs } = params;
  const gradients: { [name in Name]?: GpuTensor } = {};
  for (const name of names) {
    const shape = inputs[name]?.shape;
    if (!shape) continue;
    const count = shape[0] * shape[1] * shape[2];
    gradients[name] = on.upload({ data: new Float32Array(count).fill(Number.NaN), shape });
  }
  const outCotangent = on.upload({ data: cotangents.out, shape: [batch, n, p] });
  const finalStateCotangent = cotangents.state && on.upload({ data: cotangents.state, shape: [batch, r, p] });
  on.kernels.deltaRuleVjp!({ ...inputs, chunk, outCotangent, finalStateCotangent, gradients });
  const got: Partial<Record<Name, Float32Array>> = {};
  for (const name of names) if (gradients[name]) got[name] = await on.read(gradients[name]);
  [...Object.values(gradients), outCotangent, finalStateCotangent].forEach((t) => t?.dispose());
  dispose();
  return got;
}

/** Returns the largest error of each gradient, in ε of what it is measured by. */
export function errorsOf(
  got: Partial<Record<Name, Float32Array>>,
  { gradients, sizes }: TrueGradients,
): Partial<Record<Name, number>> {
  const errors: Partial<Record<Name, number>> = {};
  for (const name of NAMES) {
    const values = got[name];
    if (!values) continue;
    const most = values.reduce((worst, value, at) => {
      const error = Math.abs(value - gradients[name][at]!);
      return Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
    }, 0);
    errors[name] = (most / (sizes[name] || 1)) * 2 ** 24;
  }
  return errors;
}
