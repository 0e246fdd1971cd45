/** Computes the delta rule and its gradient by their definition, row by row in float64: what the kernels are held to. */
import type { HostTensor } from "@dlrt/core";
import {
  entryStart,
  type DeltaRuleInputs,
  type DeltaRuleParams,
  type DeltaRuleVjpParams,
} from "@dlrt/core/backend";

/** Reads and writes the rows of one batch entry of a tensor, element by element. */
interface Rows {
  get(i: number, j: number): number;
  /** Returns the element of column j, or of the only column. */
  of(i: number, j: number): number;
  set(i: number, j: number, x: number): void;
}

function rowsOf(t: HostTensor, entry: number): Rows {
  const start = entryStart(t.layout, entry);
  const at = (i: number, j: number) => start + i * t.layout.row + j;
  const { data } = t;
  const cols = t.shape[2];
  return {
    get: (i, j) => data[at(i, j)]!,
    of: (i, j) => data[at(i, cols === 1 ? 0 : j)]!,
    set: (i, j, x) => void (data[at(i, j)] = x),
  };
}

function filled(n: number, f: (at: number) => number): number[] {
  const x: number[] = [];
  for (let at = 0; at < n; at++) x.push(f(at));
  return x;
}

function sum(x: number[]): number {
  let total = 0;
  for (let at = 0; at < x.length; at++) total += x[at]!;
  return total;
}

function dot(x: number[], y: number[]): number {
  let total = 0;
  for (let at = 0; at < x.length; at++) total += x[at]! * y[at]!;
  return total;
}

/** Returns the dot product of row m of A and x. */
function rowDot(a: number[], m: number, x: number[]): number {
  let total = 0;
  for (let j = 0; j < x.length; j++) total += a[m * x.length + j]! * x[j]!;
  return total;
}

/** Returns A x, for A of `rows` rows. */
function times(a: number[], x: number[], rows: number): number[] {
  return filled(rows, (m) => rowDot(a, m, x));
}

/** Returns Aᵀ x, for A of `cols` columns. */
function transposedTimes(a: number[], x: number[], cols: number): number[] {
  const y = filled(cols, () => 0);
  for (let m = 0; m < x.length; m++) for (let j = 0; j < cols; j++) y[j]! += a[m * cols + j]! * x[m]!;
  return y;
}

/** Computes A ← A + s x yᵀ. */
function addOuter(a: number[], s: 1 | -1, x: number[], y: number[]): void {
  for (let m = 0; m < x.length; m++)
    for (let j = 0; j < y.length; j++) a[m * y.length + j]! += s * x[m]! * y[j]!;
}

/** Computes one batch entry of the recurrence, and keeps all that its gradient needs of each row. */
function walk(
  { n, r, p, scale, eps, ...given }: DeltaRuleParams<HostTensor> | DeltaRuleVjpParams<HostTensor>,
  entry: number,
) {
  const { query, key, value, erase, eraseKey, write, decay, initialState } =
    given as DeltaRuleInputs<HostTensor>;
  const rows = (t: HostTensor | undefined): Rows | undefined => t && rowsOf(t, entry);
  const [q, k, v, e, w, g] = [rows(query)!, rows(key)!, rows(value)!, rows(erase)!, rows(write), rows(decay)];
  const p0 = rows(eraseKey);
  const z0 = rows(initialState);
  let state = filled(r * p, (at) => z0?.get(Math.floor(at / p), at % p) ?? 0);
  const normalized = (x: Rows, i: number) => {
    const raw = filled(r, (m) => x.get(i, m));
    const norm = eps === undefined ? 1 : Math.sqrt(dot(raw, raw) + eps);
    return { row: raw.map((number) => number / norm), norm };
  };
  const history = Array.from({ length: n }, (_, i) => {
    const [qi, ki] = [normalized(q, i), normalized(k, i)];
    const gaps = filled(r, (m) => g?.of(i, m) ?? 0);
    const factors = gaps.map(Math.exp);
    const before = state;
    const decayed = filled(r * p, (at) => {
      const m = Math.floor(at / p);
      return gaps[m] === 0 ? before[at]! : before[at]! * factors[m]!;
    });
    const pi = p0 && normalized(p0, i);
    const erasing = (pi ?? ki).row.map((x, m) => x * e.of(i, m));
    const seen = pi ? before : decayed;
    const read = transposedTimes(seen, erasing, p);
    const u = filled(p, (j) => v.get(i, j) * (w ?? e).of(i, j) - read[j]!);
    state = decayed.slice();
    addOuter(state, 1, ki.row, u);
    const out = transposedTimes(state, qi.row, p).map((x) => scale * x);
    return { qi, ki, pi, gaps, factors, decayed, seen, erasing, u, state, out };
  });
  return { history, state, v, e, w };
}

/** Writes what the kernel `deltaRule` has to write. */
export function deltaRule(params: DeltaRuleParams<HostTensor>): void {
  for (let entry = 0; entry < params.batch; entry++) {
    const { history, state } = walk(params, entry);
    const out = rowsOf(params.out, entry);
    history.forEach((row, i) => row.out.forEach((x, j) => out.set(i, j, x)));
    if (params.finalState) {
      const final = rowsOf(params.finalState, entry);
      state.forEach((z, at) => final.set(Math.floor(at / params.p), at % params.p, z));
    }
  }
}

/** Writes what the kernel `deltaRuleVjp` has to write, from the last row to the first. */
export function deltaRuleVjp(params: DeltaRuleVjpParams<HostTensor>): void {
  const { n, r, p, scale, eps, gradients } = params;
  for (let entry = 0; entry < params.batch; entry++) {
    const { history, v, e, w } = walk(params, entry);
    const final = params.finalStateCotangent && rowsOf(params.finalStateCotangent, entry);
    const outBar = rowsOf(params.outCotangent, entry);
    const z = filled(r * p, (at) => final?.get(Math.floor(at / p), at % p) ?? 0);
    const set = (name: keyof typeof gradients, i: number, numbers: number[]) => {
      const t = gradients[name];
      if (!t) return;
      const single = t.shape[2] === 1 && numbers.length !== 1;
      const rows = rowsOf(t, entry);
      if (single) rows.set(i, 0, sum(numbers));
      else numbers.forEach((x, j) => rows.set(i, j, x));
    };
    const unnormalized = ({ row, norm }: { row: number[]; norm: number }, bar: number[]) => {
      if (eps === undefined) return bar;
      const along = dot(row, bar);
      return bar.map((x, m) => (x - row[m]! * along) / norm);
    };
    for (let i = n - 1; i >= 0; i--) {
      const { qi, ki, pi, gaps, factors, decayed, seen, erasing, u, state } = history[i]!;
      const oBar = filled(p, (j) => scale * outBar.get(i, j));
      const qBar = times(state, oBar, r);
      addOuter(z, 1, qi.row, oBar);
      const uBar = transposedTimes(z, ki.row, p);
      const pBar = times(seen, uBar, r).map((x) => -x);
      const gated = pBar.map((x, m) => e.of(i, m) * x);
      const kBar = times(z, u, r).map((x, m) => x + (pi ? 0 : gated[m]!));
      if (!pi) addOuter(z, -1, erasing, uBar);
      const eBar = pBar.map((x, m) => x * (pi ?? ki).row[m]!);
      const wBar = filled(p, (j) => v.get(i, j) * uBar[j]!);
      set("query", i, unnormalized(qi, qBar));
      set("key", i, unnormalized(ki, kBar));
      if (pi) set("eraseKey", i, unnormalized(pi, gated));
      set(
        "value",
        i,
        uBar.map((x, j) => x * (w ?? e).of(i, j)),
      );
      set("erase", i, w ? eBar : [sum([...eBar, ...wBar])]);
      set("write", i, wBar);
      set(
        "decay",
        i,
        filled(r, (m) => (gaps[m] === -Infinity ? 0 : rowDot(z, m, decayed.slice(m * p, (m + 1) * p)))),
      );
      for (let at = 0; at < z.length; at++) z[at]! *= factors[Math.floor(at / p)]!;
      if (pi) addOuter(z, -1, erasing, uBar);
    }
    for (let m = 0; m < r; m++) set("initialState", m, z.slice(m * p, (m + 1) * p));
  }
}
