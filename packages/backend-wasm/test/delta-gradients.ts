import type { Backend, FloatArray, Shape } from "@dlrt/core";
import type { WasmTensor } from "@dlrt/backend-wasm";
import { columnsOf, normalized, rowOf, uploaded, type Case, type Elements } from "./delta.js";

export interface TrueGradients {
  readonly gradients: Record<string, Float64Array>;
  /** The numbers by which errors are measured: the largest element of each gradient, or the largest number that was subtracted to make it. */
  readonly sizes: Record<string, number>;
}

/** Computes the gradients in float64, by going through the recurrence in reverse. ḡ is 0 where g = −∞. */
export function gradientsOf(
  given: Case,
  x: Elements,
  outCotangent: ArrayLike<number>,
  finalCotangent: ArrayLike<number> | undefined,
): TrueGradients {
  const { batch, n, r, p, eps, scale } = given;
  const sizes: Record<string, number> = {};
  const columns = columnsOf(given);
  const g = {
    query: new Float64Array(batch * n * r),
    key: new Float64Array(batch * n * r),
    value: new Float64Array(batch * n * p),
    erase: new Float64Array(batch * n * columns.erase),
    eraseKey: new Float64Array(batch * n * r),
    write: new Float64Array(batch * n * columns.write),
    decay: new Float64Array(batch * n * columns.decay),
    initialState: new Float64Array(batch * r * p),
  };
  if (finalCotangent) g.initialState.set(Array.from(finalCotangent));
  for (let b = 0; b < batch; b++) {
    const back = g.initialState.subarray(b * r * p, (b + 1) * r * p);
    const states = statesBefore(given, x, b);
    for (let i = n - 1; i >= 0; i--) {
      const at = b * n + i;
      const [q, k] = [x.query, x.key].map((y) => normalized(rowOf(y, at, r), eps)) as [number[], number[]];
      const v = rowOf(x.value, at, p);
      const e = rowOf(x.erase, at, columns.erase);
      const w = x.write ? rowOf(x.write, at, columns.write) : e;
      const { decayed, u, before } = states[i]!;
      const own = x.eraseKey && normalized(rowOf(x.eraseKey, at, r), eps);
      const erasing = own ?? k;
      const seen = own ? before : decayed;
      // Sums are taken for each channel first: one chain of r·p additions would lose more than what is judged.
      const [qg, kg, eg] = [new Float64Array(r), new Float64Array(r), new Float64Array(r)];
      const pg = own ? new Float64Array(r) : kg;
      const gaps = x.decay && rowOf(x.decay, at, columns.decay);
      const factors = Array.from({ length: r }, (_, m) =>
        gaps ? Math.exp(gaps[columns.decay === 1 ? 0 : m]!) : 1,
      );
      const addErase = (m: number, value: number): void => {
        g.erase[at * columns.erase + (columns.erase === 1 ? 0 : m)]! += value;
      };
      const addWrite = (j: number, value: number): void => {
        if (x.write) g.write[at * columns.write + (columns.write === 1 ? 0 : j)]! += value;
        else addErase(0, value);
      };
      for (let j = 0; j < p; j++) {
        const o = scale * outCotangent[at * p + j]!;
        let ug = 0;
        for (let m = 0; m < r; m++) {
          qg[m]! += o * (decayed[m * p + j]! + k[m]! * u[j]!);
          back[m * p + j]! += q[m]! * o;
          kg[m]! += back[m * p + j]! * u[j]!;
          ug += back[m * p + j]! * k[m]!;
        }
        g.value[at * p + j] = w[w.length === 1 ? 0 : j]! * ug;
        addWrite(j, ug * v[j]!);
        for (let m = 0; m < r; m++) {
          const em = e[e.length === 1 ? 0 : m]!;
          const read = -ug * seen[m * p + j]!;
          eg[m]! += read * erasing[m]!;
          pg[m]! += read * em;
          const erased = ug * em * erasing[m]!;
          if (!own) back[m * p + j]! -= erased;
          if (x.decay) {
            const gap = at * columns.decay + (columns.decay === 1 ? 0 : m);
            if (x.decay[gap] !== -Infinity)
              g.decay[gap]! += back[m * p + j]! * factors[m]! * before[m * p + j]!;
          }
          back[m * p + j]! *= factors[m]!;
          if (own) back[m * p + j]! -= erased;
        }
      }
      eg.forEach((value, m) => addErase(m, value));
      if (own && columns.decay > 0) {
        // ḡ is a running sum of differences of these terms.
        const terms = (y: ArrayLike<number>, yg: Float64Array): number =>
          yg.reduce((sum, value, m) => sum + Math.abs(value * y[m]!), 0);
        const gain = terms(q, qg) + terms(k, kg) + terms(own, pg);
        sizes["decay"] = Math.max(sizes["decay"] ?? 0, gain);
      }
      for (const [name, y, yg] of [
        ["query", q, qg],
        ["key", k, kg],
        ...(own ? [["eraseKey", own, pg] as const] : []),
      ] as const) {
        const raw = rowOf(x[name]!, at, r);
        const norm = eps === undefined ? 1 : Math.sqrt(raw.reduce((sum, value) => sum + value * value, eps));
        const along = eps === undefined ? 0 : yg.reduce((sum, value, m) => sum + value * y[m]!, 0);
        yg.forEach((value, m) => {
          g[name][at * r + m] = (value - along * y[m]!) / norm;
          const size = (Math.abs(value) + Math.abs(along * y[m]!)) / norm;
          sizes[name] = Math.max(sizes[name] ?? 0, size);
        });
      }
    }
  }
  for (const [name, values] of Object.entries(g))
    sizes[name] ??= values.reduce((most, y) => Math.max(most, Math.abs(y)), 0);
  return { gradients: g, sizes };
}

/** Returns Z before every row of batch entry b, Z as it has decayed there, and the correction u that is then added to it. */
function statesBefore(
  given: Case,
  x: Elements,
  b: number,
): { before: Float64Array; decayed: Float64Array; u: Float64Array }[] {
  const { n, r, p, eps } = given;
  const columns = columnsOf(given);
  let state = Float64Array.from({ length: r * p }, (_, at) => x.initialState?.[b * r * p + at] ?? 0);
  return Array.from({ length: n }, (_, i) => {
    const row = b * n + i;
    const before = state;
    const gaps = x.decay && rowOf(x.decay, row, columns.decay);
    const k = normalized(rowOf(x.key, row, r), eps);
    const erasing = x.eraseKey ? normalized(rowOf(x.eraseKey, row, r), eps) : k;
    const e = rowOf(x.erase, row, columns.erase);
    const w = x.write ? rowOf(x.write, row, columns.write) : e;
    const decayed = before.slice();
    for (let m = 0; m < r && gaps; m++) {
      const g = gaps[columns.decay === 1 ? 0 : m]!;
      // A factor of 0 forgets what is not finite too. expm1 keeps what rounding the factor of a slow decay would lose.
      for (let at = m * p; at < (m + 1) * p; at++)
        decayed[at] = g === -Infinity ? 0 : before[at]! + Math.expm1(g) * before[at]!;
    }
    const seen = x.eraseKey ? before : decayed;
    const u = Float64Array.from({ length: p }, (_, j) => w[w.length === 1 ? 0 : j]! * x.value[row * p + j]!);
    state = decayed.slice();
    for (let j = 0; j < p; j++) {
      for (let m = 0; m < r; m++) u[j]! -= e[e.length === 1 ? 0 : m]! * erasing[m]! * seen[m * p + j]!;
      for (let m = 0; m < r; m++) state[m * p + j]! += k[m]! * u[j]!;
    }
    return { before, decayed, u };
  });
}

/**
 * Computes all gradients by the kernel, on poisoned tensors that are gone when it returns. With `keeps` they are computed from what a forward
 * call has kept.
 */
export function fusedGradients(
  backend: Backend<WasmTensor>,
  given: Case,
  x: Elements,
  outCotangent: ArrayLike<number>,
  finalCotangent: ArrayLike<number> | undefined,
  { chunk, keeps = false }: { readonly chunk?: number | undefined; readonly keeps?: boolean } = {},
): Record<string, FloatArray> {
  const { dtype, batch, n, r, p, scale, eps } = given;
  const inputs = uploaded(backend, given, x);
  const put = (data: ArrayLike<number>, shape: Shape): WasmTensor =>
    backend.upload({ data: dtype === "f32" ? Float32Array.from(data) : Float64Array.from(data), shape });
  const cotangent = put(outCotangent, [batch, n, p]);
  const final = finalCotangent && put(finalCotangent, [batch, r, p]);
  const gradients = Object.fromEntries(
    Object.entries(inputs).flatMap(([name, t]) => {
      if (t === undefined) return [];
      const gradient = backend.empty(t.shape, dtype);
      gradient.data.fill(Number.NaN);
      return [[name, gradient]];
    }),
  );
  const call = { batch, n, r, p, scale, eps, chunk, ...inputs };
  const kept = keeps ? backend.empty(backend.keptShape!(call, dtype), dtype) : undefined;
  kept?.data.fill(Number.NaN);
  const out = kept && backend.empty([batch, n, p], dtype);
  if (out) backend.kernels.deltaRule!({ ...call, out, kept });
  backend.kernels.deltaRuleVjp!({
    ...call,
    kept,
    outCotangent: cotangent,
    finalStateCotangent: final,
    gradients,
  });
  const results = Object.fromEntries(Object.entries(gradients).map(([name, t]) => [name, t.data.slice()]));
  const made = [cotangent, final, kept, out, ...Object.values(inputs), ...Object.values(gradients)];
  for (const t of made) t?.dispose();
  return results;
}
