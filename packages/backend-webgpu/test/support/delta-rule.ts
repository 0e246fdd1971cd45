import { apply, solve, type Shape } from "@dlrt/core";
import type { DeltaRuleParams } from "@dlrt/core/backend";
import type { GpuTensor, WebGpuBackend } from "../../src/index.js";

/** The operands of one call. Arrays are row-major, with the shapes that `deltaRule` takes. */
export interface DeltaProblem {
  readonly shape: { readonly batch: number; readonly n: number; readonly r: number; readonly p: number };
  readonly query: Float32Array;
  readonly key: Float32Array;
  readonly value: Float32Array;
  readonly erase: Float32Array;
  readonly eraseKey?: Float32Array | undefined;
  readonly write?: Float32Array | undefined;
  readonly decay?: Float32Array | undefined;
  readonly initialState?: Float32Array | undefined;
  readonly scale: number;
  readonly eps?: number | undefined;
}

export interface DeltaResult {
  readonly out: ArrayLike<number>;
  readonly state: ArrayLike<number>;
}

/** Returns a row, counted over all batch entries, normalised where `eps` is given. */
export function rowOf(data: Float32Array, row: number, cols: number, eps?: number): number[] {
  const own = [...data.subarray(row * cols, (row + 1) * cols)];
  if (eps === undefined) return own;
  const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, eps));
  return own.map((value) => value / length);
}

/** Computes the delta rule by its recurrence, row by row in float64: equation (28) of core's reference README. */
export function recurrence(of: DeltaProblem): DeltaResult {
  const { batch, n, r, p } = of.shape;
  const out = new Float64Array(batch * n * p);
  const state = Float64Array.from(of.initialState ?? new Float32Array(batch * r * p));
  const columns = (data: Float32Array | undefined): number => (data?.length ?? 0) / (batch * n);
  for (let row = 0; row < batch * n; row++) {
    const [q, k] = [rowOf(of.query, row, r, of.eps), rowOf(of.key, row, r, of.eps)];
    const own = of.eraseKey && rowOf(of.eraseKey, row, r, of.eps);
    const pick = (data: Float32Array, at: number): number =>
      columns(data) === 1 ? data[row]! : data[row * columns(data) + at]!;
    const first = Math.floor(row / n) * r * p;
    for (let c = 0; c < p; c++) {
      let correction = (of.write ? pick(of.write, c) : of.erase[row]!) * of.value[row * p + c]!;
      for (let m = 0; m < r; m++) {
        const at = first + m * p + c;
        const gap = of.decay ? pick(of.decay, m) : 0;
        if (own) correction -= pick(of.erase, m) * own[m]! * state[at]!;
        state[at] = gap === -Infinity ? 0 : state[at]! + Math.expm1(gap) * state[at]!;
        if (!own) correction -= pick(of.erase, m) * k[m]! * state[at]!;
      }
      let read = 0;
      for (let m = 0; m < r; m++) {
        const at = first + m * p + c;
        state[at]! += k[m]! * correction;
        read += q[m]! * state[at]!;
      }
      out[row * p + c] = of.scale * read;
    }
  }
  return { out, state };
}

/** Uploads a problem. The tensors for results are full of NaN; `dispose` disposes all tensors. */
export function uploadDelta(
  on: WebGpuBackend,
  of: DeltaProblem,
): { readonly params: DeltaRuleParams<GpuTensor> & { finalState: GpuTensor }; dispose(): void } {
  const { batch, n, r, p } = of.shape;
  const made: GpuTensor[] = [];
  const put = (data: Float32Array, rows: number, cols: number): GpuTensor => {
    made.push(on.upload({ data, shape: [batch, rows, cols] }));
    return made.at(-1)!;
  };
  const some = (data: Float32Array | undefined, rows: number, cols?: number): GpuTensor | undefined =>
    data && put(data, rows, cols ?? data.length / (batch * rows));
  const poison = (rows: number): GpuTensor =>
    put(new Float32Array(batch * rows * p).fill(Number.NaN), rows, p);
  const params = {
    ...of.shape,
    ...{ scale: of.scale, eps: of.eps },
    query: put(of.query, n, r),
    key: put(of.key, n, r),
    value: put(of.value, n, p),
    erase: put(of.erase, n, n === 0 ? 1 : of.erase.length / (batch * n)),
    eraseKey: some(of.eraseKey, n),
    write: some(of.write, n),
    decay: some(of.decay, n),
    initialState: some(of.initialState, r, p),
    finalState: poison(r),
    out: poison(n),
  };
  return { params, dispose: () => made.forEach((t) => t.dispose()) };
}

export async function fused(on: WebGpuBackend, of: DeltaProblem, chunk?: number): Promise<DeltaResult> {
  const { params, dispose } = uploadDelta(on, of);
  on.kernels.deltaRule!({ ...params, chunk });
  const result = { out: await on.read(params.out), state: await on.read(params.finalState) };
  dispose();
  return result;
}

/** Computes the same by `solve` and `apply`, for keys that are not normalised and one β a row. */
export async function composed(on: WebGpuBackend, of: DeltaProblem, chunk?: number): Promise<DeltaResult> {
  const { batch, n, r, p } = of.shape;
  const { params, dispose } = uploadDelta(on, of);
  const times = (data: Float32Array, cols: number): GpuTensor =>
    on.upload({
      data: data.map((value, at) => Math.fround(value * of.erase[Math.floor(at / cols)]!)),
      shape: [batch, n, cols] satisfies Shape,
    });
  const [erase, written] = [times(of.key, r), times(of.value, p)];
  const one = on.upload({ data: new Float32Array(batch * n).fill(1), shape: [batch, n, 1] });
  const own = on.empty([batch, n, 1]);
  const { query, key, decay, initialState, finalState } = params;
  on.kernels.rowDot({ batch, n, p: r, alpha: 1, x: query, y: key, out: own });
  const u = solve(on, { diag: one, q: erase, k: key, decay }, written, { initialState, chunk });
  const out = apply(on, { diag: own, q: query, k: key, decay }, u, {
    ...{ initialState, finalState, chunk },
    alpha: of.scale,
  });
  const result = { out: await on.read(out), state: await on.read(finalState) };
  for (const t of [erase, written, one, own, u, out]) t.dispose();
  dispose();
  return result;
}

/** Returns the largest error divided by the largest exact number, in ε. */
export function farthest(got: ArrayLike<number>, exact: ArrayLike<number>): number {
  let [most, largest] = [0, 0];
  for (let at = 0; at < exact.length; at++) {
    const error = Math.abs(got[at]! - exact[at]!);
    most = Math.max(most, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
    largest = Math.max(largest, Math.abs(exact[at]!));
  }
  return largest === 0 ? most : (most / largest) * 2 ** 24;
}
