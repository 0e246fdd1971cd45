import {
  apply,
  solve,
  type Backend,
  type DiagLowRankTril,
  type Dtype,
  type FloatArray,
  type Shape,
} from "@dlrt/core";
import type { WasmTensor } from "@dlrt/backend-wasm";
import { random } from "./problem.js";

/** Elements of deltaRule's operands, each [batch, n or r, columns] row by row. */
export interface Elements {
  readonly query: ArrayLike<number>;
  readonly key: ArrayLike<number>;
  readonly value: ArrayLike<number>;
  readonly erase: ArrayLike<number>;
  readonly eraseKey?: ArrayLike<number> | undefined;
  readonly write?: ArrayLike<number> | undefined;
  readonly decay?: ArrayLike<number> | undefined;
  readonly initialState?: ArrayLike<number> | undefined;
}

export interface Case {
  readonly dtype: Dtype;
  readonly batch: number;
  readonly n: number;
  readonly r: number;
  readonly p: number;
  /** The widths of the gates; "none" is absent. */
  readonly erase: "one" | "channels";
  readonly write: "none" | "one" | "columns";
  readonly decay: "none" | "row" | "channel";
  /** The erase key is one of its own, and reads before its row decays. */
  readonly own?: boolean;
  readonly eps?: number | undefined;
  readonly scale: number;
  readonly state: boolean;
}

/** A case of which others change what they are about. */
export const base: Case = {
  dtype: "f32",
  batch: 2,
  n: 37,
  r: 16,
  p: 8,
  erase: "one",
  write: "none",
  decay: "none",
  scale: 0.25,
  state: true,
};

/** The kinds of decay of the state. With an erase key of its own it decays by one number a row. */
export const kinds = [
  ...(["none", "row", "channel"] as const).map((decay) => ({ decay, own: false })),
  ...(["none", "row"] as const).map((decay) => ({ decay, own: true })),
];

/** The widths of gates that a layer may have. */
export const gates = (["one", "channels"] as const).flatMap((erase) =>
  (["none", "one", "columns"] as const)
    .filter((write) => erase === "one" || write !== "none")
    .map((write) => ({ erase, write })),
);

export const columnsOf = ({
  r,
  p,
  erase,
  write,
  decay,
}: Case): { erase: number; write: number; decay: number } => ({
  erase: erase === "one" ? 1 : r,
  write: write === "none" ? 0 : write === "one" ? 1 : p,
  decay: decay === "none" ? 0 : decay === "row" ? 1 : r,
});

/** Draws keys of length about 1, gates between 0 and 1 (1.5 for an erase gate of one column), and gaps between −1 and 0 with a few −∞ among them. */
export function drawn(given: Case, seed = 1): Elements {
  const { dtype, batch, n, r, p } = given;
  const columns = columnsOf(given);
  const draw = (shape: Shape, more: number, scale = 1): FloatArray =>
    random(dtype, shape, seed * 100 + more, scale);
  const gate = (cols: number, more: number, most: number): FloatArray =>
    draw([batch, n, cols], more).map((x) => most * (x + 0.5));
  return {
    query: draw([batch, n, r], 1, 2),
    key: draw([batch, n, r], 2, Math.sqrt(12 / Math.max(1, r))),
    value: draw([batch, n, p], 3, 2),
    erase: gate(columns.erase, 4, given.erase === "one" ? 1.5 : 1),
    eraseKey: given.own ? draw([batch, n, r], 8, Math.sqrt(12 / Math.max(1, r))) : undefined,
    write: columns.write ? gate(columns.write, 5, 1) : undefined,
    decay: columns.decay
      ? draw([batch, n, columns.decay], 6).map((x) => (x > 0.48 ? -Infinity : x - 0.5))
      : undefined,
    initialState: given.state ? draw([batch, r, p], 7, 2) : undefined,
  };
}

export function normalized(x: ArrayLike<number>, eps: number | undefined): number[] {
  const row = Array.from(x);
  if (eps === undefined) return row;
  const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, eps));
  return row.map((value) => value / norm);
}

export const rowOf = (x: ArrayLike<number>, at: number, cols: number): number[] =>
  Array.from({ length: cols }, (_, j) => x[at * cols + j]!);

/** What deltaRule computes, and the largest numbers that were added up on the way, by which errors are measured. */
export interface Truth {
  readonly out: Float64Array;
  readonly finalState: Float64Array;
  readonly size: { out: number; finalState: number };
}

/** Computes deltaRule row by row in float64, as its parameters define it. */
export function recurrence(given: Case, x: Elements): Truth {
  const size = { out: 0, finalState: 0 };
  const { batch, n, r, p, eps, scale } = given;
  const columns = columnsOf(given);
  const out = new Float64Array(batch * n * p);
  const finalState = new Float64Array(batch * r * p);
  if (x.initialState) finalState.set(Array.from(x.initialState));
  for (let b = 0; b < batch; b++) {
    const z = finalState.subarray(b * r * p, (b + 1) * r * p);
    for (let i = 0; i < n; i++) {
      const at = b * n + i;
      const [q, k] = [x.query, x.key].map((y) => normalized(rowOf(y, at, r), eps)) as [number[], number[]];
      const v = rowOf(x.value, at, p);
      const e = rowOf(x.erase, at, columns.erase);
      const w = x.write ? rowOf(x.write, at, columns.write) : e;
      const own = x.eraseKey && normalized(rowOf(x.eraseKey, at, r), eps);
      const seen = own ? z.slice() : z;
      for (let m = 0; m < r && x.decay; m++) {
        const g = x.decay[at * columns.decay + (columns.decay === 1 ? 0 : m)]!;
        const less = Math.expm1(g);
        // A factor of 0 forgets what is not finite too. expm1 keeps what rounding the factor of a slow decay would lose.
        for (let j = 0; j < p; j++) z[m * p + j] = g === -Infinity ? 0 : z[m * p + j]! + less * z[m * p + j]!;
      }
      for (let j = 0; j < p; j++) {
        let read = 0;
        let all = Math.abs(w[w.length === 1 ? 0 : j]! * v[j]!);
        for (let m = 0; m < r; m++) {
          const term = e[e.length === 1 ? 0 : m]! * (own ?? k)[m]! * seen[m * p + j]!;
          read += term;
          all += Math.abs(term);
        }
        const u = w[w.length === 1 ? 0 : j]! * v[j]! - read;
        let sum = 0;
        let reads = 0;
        for (let m = 0; m < r; m++) {
          const before = Math.abs(z[m * p + j]!) + Math.abs(k[m]!) * all;
          z[m * p + j]! += k[m]! * u;
          sum += q[m]! * z[m * p + j]!;
          reads += Math.abs(q[m]!) * before;
          size.finalState = Math.max(size.finalState, before);
        }
        size.out = Math.max(size.out, Math.abs(scale) * reads);
        out[at * p + j] = scale * sum;
      }
    }
  }
  return { out, finalState, size };
}

/** Puts the operands on a backend. */
export function uploaded(backend: Backend<WasmTensor>, given: Case, x: Elements) {
  const { dtype, batch, n, r, p } = given;
  const columns = columnsOf(given);
  const put = (data: ArrayLike<number> | undefined, shape: Shape): WasmTensor | undefined => {
    if (data === undefined) return undefined;
    return backend.upload({
      data: dtype === "f32" ? Float32Array.from(data) : Float64Array.from(data),
      shape,
    });
  };
  return {
    query: put(x.query, [batch, n, r])!,
    key: put(x.key, [batch, n, r])!,
    value: put(x.value, [batch, n, p])!,
    erase: put(x.erase, [batch, n, columns.erase])!,
    eraseKey: put(x.eraseKey, [batch, n, r]),
    write: put(x.write, [batch, n, columns.write]),
    decay: put(x.decay, [batch, n, columns.decay]),
    initialState: put(x.initialState, [batch, r, p]),
  };
}

/** Runs the fused kernel on new tensors, which are gone when it returns. Its outputs hold NaN before. */
export function fused(
  backend: Backend<WasmTensor>,
  given: Case,
  x: Elements,
  chunk?: number,
): { out: FloatArray; finalState: FloatArray } {
  const { dtype, batch, n, r, p, scale, eps } = given;
  const inputs = uploaded(backend, given, x);
  const out = backend.empty([batch, n, p], dtype);
  const finalState = backend.empty([batch, r, p], dtype);
  for (const t of [out, finalState]) t.data.fill(Number.NaN);
  backend.kernels.deltaRule!({ batch, n, r, p, scale, eps, chunk, ...inputs, out, finalState });
  const results = { out: out.data.slice(), finalState: finalState.data.slice() };
  for (const t of [...Object.values(inputs), out, finalState]) t?.dispose();
  return results;
}

/** Computes the same by solve and apply, from operands formed in the dtype. It does not normalise. */
export function composed(
  backend: Backend<WasmTensor>,
  given: Case,
  x: Elements,
): { out: FloatArray; finalState: FloatArray } {
  const { batch, n, r, p, dtype, scale } = given;
  const columns = columnsOf(given);
  const erased = Array.from(x.key, (k, at) =>
    Math.fround(k * x.erase[columns.erase === 1 ? Math.floor(at / r) : at]!),
  );
  const gate = x.write ?? x.erase;
  const gates = columns.write || 1;
  const written = Array.from(x.value, (v, at) => v * gate[gates === 1 ? Math.floor(at / p) : at]!);
  const t = uploaded(backend, { ...given, write: "none", erase: "one" }, { ...x, write: undefined });
  const put = (data: number[], shape: Shape): WasmTensor =>
    backend.upload({ data: dtype === "f32" ? Float32Array.from(data) : Float64Array.from(data), shape });
  const one = put(
    Array.from({ length: batch * n }, () => 1),
    [batch, n, 1],
  );
  const lambda = backend.empty([batch, n, 1], dtype);
  backend.kernels.rowDot({ batch, n, p: r, alpha: 1, x: t.query, y: t.key, out: lambda });
  const operator = (diag: WasmTensor, q: WasmTensor): DiagLowRankTril<WasmTensor> & { diag: WasmTensor } => ({
    diag,
    q,
    k: t.key,
    ...(t.decay && { decay: t.decay }),
  });
  const p0 = put(erased, [batch, n, r]);
  const w = put(written, [batch, n, p]);
  const u = solve(backend, operator(one, p0), w, { initialState: t.initialState });
  const finalState = backend.empty([batch, r, p], dtype);
  const out = apply(backend, operator(lambda, t.query), u, {
    alpha: scale,
    initialState: t.initialState,
    finalState,
  });
  const results = { out: out.data.slice(), finalState: finalState.data.slice() };
  for (const each of [...Object.values(t), one, lambda, p0, w, u, finalState, out]) each?.dispose();
  return results;
}

/** Returns the largest difference, or NaN where some difference is NaN. */
export function worst(got: ArrayLike<number>, want: Float64Array): number {
  return want.reduce((most, x, i) => {
    const off = Math.abs(got[i]! - x);
    return off <= most ? most : off;
  }, 0);
}
