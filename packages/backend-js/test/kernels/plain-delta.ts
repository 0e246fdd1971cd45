import type { HostTensor } from "@dlrt/core";
import {
  entryStart,
  type DeltaRuleInputs,
  type DeltaRuleParams,
  type DeltaRuleVjpParams,
} from "@dlrt/core/backend";

/** The rows of one batch entry of a tensor, read and written one by one. */
interface Rows {
  get(i: number, j: number): number;
  /** Column j, or the only one. */
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

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const dot = (x: ArrayLike<number>, y: ArrayLike<number>): number =>
  range(x.length).reduce((sum, i) => sum + x[i]! * y[i]!, 0);

/** One batch entry of the recurrence, row by row in float64, with all that its gradient needs. */
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
  let state = range(r).map((m) => range(p).map((j) => z0?.get(m, j) ?? 0));
  const normalized = (x: Rows, i: number) => {
    const raw = range(r).map((m) => x.get(i, m));
    const norm = eps === undefined ? 1 : Math.sqrt(dot(raw, raw) + eps);
    return { row: raw.map((number) => number / norm), norm };
  };
  const history = range(n).map((i) => {
    const [qi, ki] = [normalized(q, i), normalized(k, i)];
    const gaps = range(r).map((m) => g?.of(i, m) ?? 0);
    const decayed = state.map((row, m) => row.map((z) => (gaps[m] === 0 ? z : z * Math.exp(gaps[m]!))));
    const pi = p0 && normalized(p0, i);
    const erasing = (pi ?? ki).row.map((x, m) => x * e.of(i, m));
    const seen = pi ? state : decayed;
    const writing = range(p).map((j) => v.get(i, j) * (w ?? e).of(i, j));
    const u = writing.map((x, j) => x - range(r).reduce((sum, m) => sum + seen[m]![j]! * erasing[m]!, 0));
    state = decayed.map((row, m) => row.map((z, j) => z + ki.row[m]! * u[j]!));
    const out = range(p).map((j) => scale * range(r).reduce((sum, m) => sum + state[m]![j]! * qi.row[m]!, 0));
    return { qi, ki, pi, gaps, decayed, seen, erasing, u, state, out };
  });
  return { history, state, v, e, w };
}

/** The kernel `deltaRule` as its definition has it, row by row. */
export function deltaRule(params: DeltaRuleParams<HostTensor>): void {
  for (let entry = 0; entry < params.batch; entry++) {
    const { history, state } = walk(params, entry);
    const out = rowsOf(params.out, entry);
    history.forEach((row, i) => row.out.forEach((x, j) => out.set(i, j, x)));
    if (params.finalState) {
      const final = rowsOf(params.finalState, entry);
      state.forEach((row, m) => row.forEach((z, j) => final.set(m, j, z)));
    }
  }
}

/** The kernel `deltaRuleVjp`, row by row from the last. */
export function deltaRuleVjp(params: DeltaRuleVjpParams<HostTensor>): void {
  const { n, r, p, scale, eps, gradients } = params;
  for (let entry = 0; entry < params.batch; entry++) {
    const { history, v, e, w } = walk(params, entry);
    const final = params.finalStateCotangent && rowsOf(params.finalStateCotangent, entry);
    const outBar = rowsOf(params.outCotangent, entry);
    const z = range(r).map((m) => range(p).map((j) => final?.get(m, j) ?? 0));
    const set = (name: keyof typeof gradients, i: number, numbers: readonly number[]) => {
      const t = gradients[name];
      if (!t) return;
      const single = t.shape[2] === 1 && numbers.length !== 1;
      const stored = single ? [numbers.reduce((sum, x) => sum + x, 0)] : numbers;
      stored.forEach((x, j) => rowsOf(t, entry).set(i, j, x));
    };
    const unnormalized = ({ row, norm }: { row: readonly number[]; norm: number }, bar: readonly number[]) =>
      eps === undefined ? bar : bar.map((x, m) => (x - row[m]! * dot(row, bar)) / norm);
    for (let i = n - 1; i >= 0; i--) {
      const { qi, ki, pi, gaps, decayed, seen, erasing, u, state } = history[i]!;
      const oBar = range(p).map((j) => scale * outBar.get(i, j));
      const qBar = state.map((row) => dot(row, oBar));
      z.forEach((row, m) => row.forEach((_, j) => (row[j]! += qi.row[m]! * oBar[j]!)));
      const uBar = range(p).map((j) => range(r).reduce((sum, m) => sum + z[m]![j]! * ki.row[m]!, 0));
      const pBar = seen.map((row) => -dot(row, uBar));
      const gated = pBar.map((x, m) => e.of(i, m) * x);
      const kBar = z.map((row, m) => dot(row, u) + (pi ? 0 : gated[m]!));
      const erase = () => z.forEach((row, m) => row.forEach((_, j) => (row[j]! -= erasing[m]! * uBar[j]!)));
      if (!pi) erase();
      const eBar = range(r).map((m) => pBar[m]! * (pi ?? ki).row[m]!);
      const wBar = range(p).map((j) => v.get(i, j) * uBar[j]!);
      set("query", i, unnormalized(qi, qBar));
      set("key", i, unnormalized(ki, kBar));
      if (pi) set("eraseKey", i, unnormalized(pi, gated));
      set(
        "value",
        i,
        range(p).map((j) => uBar[j]! * (w ?? e).of(i, j)),
      );
      set("erase", i, w ? eBar : [[...eBar, ...wBar].reduce((sum, x) => sum + x, 0)]);
      set("write", i, wBar);
      set(
        "decay",
        i,
        z.map((row, m) => (gaps[m] === -Infinity ? 0 : dot(row, decayed[m]!))),
      );
      z.forEach((row, m) => row.forEach((_, j) => (row[j]! *= Math.exp(gaps[m]!))));
      if (pi) erase();
    }
    z.forEach((row, m) => set("initialState", m, row));
  }
}
