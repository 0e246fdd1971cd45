/**
 * Kernels on operands that do not lie contiguously: heads packed in rows, shared heads, rows from the last to the
 * first, tensors in a caller's own array. Results must have the same bits as on contiguous copies, and nothing between
 * a tensor's rows may be written.
 */
import {
  elementCount,
  heads,
  newFloatArray,
  solve,
  solveVjp,
  type Dtype,
  type HostTensor,
  type Layout,
  type Shape,
} from "@dlrt/core";
import { entryStart, readView } from "@dlrt/core/backend";
import { describe, expect, it } from "vitest";
import { createJsBackend } from "../src/index.js";
import { randomFrom } from "../../../tooling/random.mjs";

const backend = createJsBackend();
const { kernels } = backend;
const POISON = -7.625;
const [batch, n, r, p] = [4, 23, 5, 3];

const whole = (row: number): Layout => ({ offset: 0, heads: 1, shared: 1, batch: 0, head: 0, row });

/** Lists layouts of a tensor of shape [4, rows, cols], with gaps between rows, heads and sequences. */
const layouts: Record<string, (shape: Shape) => Layout> = {
  "packed heads": ([, rows, cols]) => ({
    ...whole(2 * (cols + 1)),
    ...{ offset: 3, heads: 2, batch: rows * 2 * (cols + 1) + 5, head: cols + 1 },
  }),
  "rows from the last": ([, rows, cols]) => ({
    ...whole(-(cols + 2)),
    ...{ offset: rows * (cols + 2), batch: (rows + 1) * (cols + 2) },
  }),
  "entries from the last": ([, rows, cols]) => ({
    ...whole(cols),
    ...{ offset: 3 * rows * cols + 9, batch: -rows * cols },
  }),
  "heads from the last, entries interleaved": ([size, , cols]) => ({
    ...whole(size * cols),
    ...{ offset: (size - 1) * cols, heads: size, head: -cols },
  }),
};

/** Calls `f` with the place of every element of a tensor in its array, found by the definition of a layout. */
function visit(t: HostTensor, f: (at: number) => void): void {
  const [entries, rows, cols] = t.shape;
  for (let e = 0; e < entries; e++) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < cols; j++) f(entryStart(t.layout, e) + i * t.layout.row + j);
    }
  }
}

/** Copies `values` into a tensor of this layout, over an array of its own that holds POISON everywhere else. */
function place(values: HostTensor, layout: Layout): HostTensor {
  const array = newFloatArray(values.dtype, 12 * elementCount(values.shape) + 200).fill(POISON);
  const t = backend.wrap(array, values.shape, layout);
  let from = 0;
  visit(t, (at) => (array[at] = values.data[from++]!));
  return t;
}

function expectPoisonBetween(t: HostTensor): void {
  const own = new Set<number>();
  visit(t, (at) => own.add(at));
  expect(own.size).toBe(elementCount(t.shape));
  expect(t.data.findIndex((value, at) => !own.has(at) && value !== POISON)).toBe(-1);
}

/** Lists calls of every kernel: its tensors by name, the names of those that it writes, and the call itself. */
function calls(dtype: Dtype) {
  const random = randomFrom(5);
  const make = (rows: number, cols: number, f: () => number = random): HostTensor => {
    const data = newFloatArray(dtype, batch * rows * cols).map(f);
    return backend.upload({ data, shape: [batch, rows, cols] });
  };
  const gap = (): number => -1 - random();
  const diag = make(n, 1, () => 2 + random());
  const [q, k, b, out, x] = [make(n, r), make(n, r), make(n, p), make(n, p), make(n, p)];
  const states = { initialState: make(r, p), finalState: make(r, p) };
  const decays = { none: undefined, row: make(n, 1, gap), channel: make(n, r, gap) };
  const sizes = { batch, n, r, p };
  type Tensors = Record<string, HostTensor | undefined>;
  type Call = { readonly name: string; readonly tensors: Tensors; readonly run: (t: Tensors) => void };
  const list: Call[] = [];
  for (const [kind, decay] of Object.entries(decays)) {
    const op = { diag, q, k, decay };
    const opOf = ({ diag: d, q: f, k: g, decay: gaps }: Tensors) => ({ diag: d!, q: f!, k: g!, decay: gaps });
    for (const trans of [false, true]) {
      const rest = { ...sizes, trans, alpha: 1.5, decayOn: "rank" as const };
      list.push(
        {
          name: `solve, decay ${kind}, trans ${trans}`,
          tensors: { ...op, b, out, ...states },
          run: (t) => kernels.solve({ ...rest, ...t, op: opOf(t), b: t["b"]!, out: t["out"]! }),
        },
        {
          name: `apply, decay ${kind}, trans ${trans}`,
          tensors: { ...op, x, out, ...states },
          run: (t) => kernels.apply({ ...rest, ...t, op: opOf(t), x: t["x"]!, out: t["out"]! }),
        },
      );
    }
    list.push({
      name: `inverse, decay ${kind}`,
      tensors: { ...op, out: make(n, n) },
      run: (t) => kernels.inverse({ ...sizes, p: n, op: opOf(t), out: t["out"]! }),
    });
  }
  for (const trans of [false, true]) {
    list.push(
      {
        name: `apply along columns, trans ${trans}`,
        tensors: { q, k, decay: make(n, p, gap), x, out, ...states },
        run: (t) => {
          const op = { q: t["q"]!, k: t["k"]!, decay: t["decay"]! };
          const rest = { ...sizes, trans, alpha: 1, decayOn: "columns" as const };
          kernels.apply({ ...rest, ...t, op, x: t["x"]!, out: t["out"]! });
        },
      },
      {
        name: `copy, trans ${trans}`,
        tensors: { x: trans ? make(p, n) : x, out },
        run: (t) => kernels.copy({ batch, rows: n, cols: p, alpha: -2, trans, x: t["x"]!, out: t["out"]! }),
      },
    );
    for (const columns of [1, r]) {
      list.push({
        name: `decayVjp, ${columns} columns, trans ${trans}`,
        tensors: {
          ...{ q, k, qGradient: make(n, r), kGradient: make(n, r) },
          ...{ decay: make(n, columns), start: make(r, 1), out: make(n, columns) },
        },
        run: (t) => kernels.decayVjp({ batch, n, r, trans, ...(t as Record<"q", HostTensor>) } as never),
      });
    }
  }
  list.push(
    {
      name: "rowDot",
      tensors: { x, y: b, out: make(n, 1) },
      run: (t) => kernels.rowDot({ batch, n, p, alpha: 3, x: t["x"]!, y: t["y"]!, out: t["out"]! }),
    },
    {
      name: "trilInverse",
      tensors: { a: make(n, n, () => 1 + random() / 4), out: make(n, n) },
      run: (t) => kernels.trilInverse({ batch, c: n, a: t["a"]!, out: t["out"]! }),
    },
  );
  return list;
}

const written = ["out", "finalState"];

describe.each(["f32", "f64"] as Dtype[])("%s", (dtype) => {
  it.each(calls(dtype).map((call) => [call.name, call] as const))(
    "%s: every operand in every layout, to the same bits",
    (_, { tensors, run }) => {
      run(tensors);
      for (const [name, layoutOf] of Object.entries(layouts)) {
        const before = backend.memory();
        const placed = Object.fromEntries(
          Object.entries(tensors).map(([key, t]) => [key, t && place(t, layoutOf(t.shape))]),
        );
        for (const key of written) {
          const t = placed[key];
          if (t) visit(t, (at) => (t.data[at] = NaN));
        }
        run(placed);
        for (const [key, t] of Object.entries(placed)) {
          if (t === undefined) continue;
          expect(readView(t), `${key}, ${name}`).toEqual(tensors[key]!.data);
          expectPoisonBetween(t);
          t.dispose();
        }
        expect(backend.memory()).toEqual(before);
      }
    },
  );

  it("a layer's packed arrays, heads shared as in GQA, are solved in place and nothing is copied", () => {
    const own = createJsBackend();
    const [sequences, count, shared, rows, d] = [2, 4, 2, 19, 6];
    const random = randomFrom(8);
    const fill = (length: number, f = random) => newFloatArray(dtype, length).map(f);
    const groups = count / shared;
    const arrays = {
      qv: fill(sequences * rows * count * 2 * d), // [B, T, 2·H·D]: q of all heads, then the right-hand sides
      k: fill(sequences * rows * groups * d),
      decay: fill(sequences * rows * count, () => -1 - random()),
      diag: fill(1, () => 2),
    };
    const before = arrays.qv.slice();
    const packed = own.wrap(arrays.qv, [sequences, rows, count * 2 * d]);
    const half = (at: number): HostTensor =>
      own.view(packed, [sequences, rows, count * d], {
        ...whole(2 * count * d),
        ...{ offset: at * count * d, batch: rows * 2 * count * d },
      });
    const op = {
      q: heads(own, half(0), count),
      k: heads(own, own.wrap(arrays.k, [sequences, rows, groups * d]), groups, { shared }),
      decay: heads(own, own.wrap(arrays.decay, [sequences, rows, count]), count),
      diag: own.wrap(arrays.diag, [sequences * count, rows, 1], whole(0)),
    };
    const v = heads(own, half(1), count);
    expect(own.memory()).toEqual({ tensors: 4, bytes: 0 });
    expect(v.storage).toBe(arrays.qv.buffer);

    const dense = (t: HostTensor): HostTensor => backend.upload({ data: readView(t), shape: t.shape });
    const plain = { q: dense(op.q), k: dense(op.k), decay: dense(op.decay), diag: dense(op.diag) };
    const want = solve(backend, plain, dense(v));
    expect(solve(own, op, v, { out: v })).toBe(v);
    expect(own.memory()).toEqual({ tensors: 4, bytes: 0 });
    expect(readView(v)).toEqual(want.data);
    visit(v, (at) => (before[at] = arrays.qv[at]!));
    expect(arrays.qv).toEqual(before); // the solution lies where v did, and q beside it is as it was

    const got = solveVjp(own, op, v, v);
    const gradients = solveVjp(backend, plain, want, want);
    for (const name of ["diag", "q", "k", "decay", "b"] as const) {
      expect(readView(got[name]!), name).toEqual(gradients[name]!.data);
    }
  });
});
