import { describe, expect, test } from "vitest";
import { contiguousLayout, entryStart, firstElement, isContiguous, lastElement } from "../src/backend.js";
import {
  apply,
  heads,
  ShapeError,
  solve,
  ValueError,
  type HostTensor,
  type Layout,
  type Shape,
} from "../src/index.js";
import { overlap } from "../src/operations/aliases.js";
import { referenceKernels } from "./reference-kernels.js";
import { SpyBackend } from "./spy-backend.js";

const numbers = (count: number, seed = 1): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => ((i * 7 + seed * 13) % 11) - 5);

describe("where rows lie", () => {
  const layouts: [string, Shape, Layout, boolean][] = [
    ["row-major", [2, 3, 4], contiguousLayout([2, 3, 4]), true],
    ["a sequence's heads", [4, 3, 2], { offset: 1, heads: 2, shared: 1, batch: 12, head: 2, row: 4 }, false],
    ["shared heads", [8, 3, 2], { offset: 0, heads: 4, shared: 2, batch: 12, head: 2, row: 4 }, false],
    ["rows from the last", [1, 3, 2], { offset: 4, heads: 1, shared: 1, batch: 0, head: 0, row: -2 }, false],
    ["head by head", [4, 3, 2], { offset: 0, heads: 2, shared: 1, batch: 12, head: 6, row: 2 }, true],
    ["one row each", [3, 1, 2], { offset: 5, heads: 1, shared: 1, batch: 2, head: 9, row: 77 }, true],
  ];
  test.each(layouts)("%s: every element by the formula", (_, shape, layout, contiguous) => {
    const [batch, rows, cols] = shape;
    let [least, greatest] = [Infinity, -Infinity];
    for (let e = 0; e < batch; e++) {
      const formula =
        layout.offset +
        Math.floor(e / layout.heads) * layout.batch +
        Math.floor((e % layout.heads) / layout.shared) * layout.head;
      expect(entryStart(layout, e)).toBe(formula);
      for (let i = 0; i < rows; i++) {
        least = Math.min(least, formula + i * layout.row);
        greatest = Math.max(greatest, formula + i * layout.row + cols - 1);
      }
    }
    expect(firstElement(shape, layout)).toBe(least);
    expect(lastElement(shape, layout)).toBe(greatest);
    expect(isContiguous({ shape, layout })).toBe(contiguous);
  });
});

describe("views", () => {
  test("share elements, count nothing, are disposed with what they view and free nothing", async () => {
    const backend = new SpyBackend(referenceKernels);
    const t = backend.upload({ data: numbers(24), shape: [2, 3, 4] });
    const before = backend.memory();
    const view = heads(backend, t, 2);
    expect(backend.memory()).toEqual(before);
    expect(view.shape).toEqual([4, 3, 2]);
    const elements = await backend.read(view);
    expect(Array.from(elements.subarray(6, 12))).toEqual(
      [2, 6, 10].flatMap((at) => [t.data[at], t.data[at + 1]]),
    );
    view.dispose();
    expect(view.disposed).toBe(true);
    expect([t.disposed, backend.memory()]).toEqual([false, before]);
    const other = heads(backend, t, 4);
    t.dispose();
    expect(other.disposed).toBe(true);
    expect(() => backend.view(other, [1, 1, 1], contiguousLayout([1, 1, 1]))).toThrow(/disposed/);
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });

  test("a view of a view counts from the first element of the viewed one, and stays inside it", async () => {
    const backend = new SpyBackend();
    const t = backend.upload({ data: numbers(24), shape: [1, 6, 4] });
    const rows = backend.view(t, [1, 3, 4], { offset: 8, heads: 1, shared: 1, batch: 0, head: 0, row: 4 });
    const back = backend.view(rows, [1, 3, 4], {
      offset: 8,
      heads: 1,
      shared: 1,
      batch: 0,
      head: 0,
      row: -4,
    });
    expect(Array.from(await backend.read(back))).toEqual(
      [16, 12, 8].flatMap((at) => [...t.data.subarray(at, at + 4)]),
    );
    const outside = { offset: -1, heads: 1, shared: 1, batch: 0, head: 0, row: 4 };
    expect(() => backend.view(rows, [1, 1, 4], outside)).toThrow(ShapeError);
    expect(() => backend.view(rows, [1, 4, 4], { ...outside, offset: 0 })).toThrow(/elements 0 to 11/);
    expect(() => backend.view(rows, [3, 1, 4], { ...outside, offset: 0, heads: 2 })).toThrow(/layout.heads/);
    expect(() => backend.view(rows, [2, 1, 4], { ...outside, offset: 0, heads: 2, shared: 0 })).toThrow(
      ValueError,
    );
    expect(() => backend.view(rows, [1, 1, 4], { ...outside, row: 0.5 })).toThrow(
      /layout.row: expected an integer/,
    );
  });

  test("heads of a packed array, shared or not, give what contiguous copies give", async () => {
    const backend = new SpyBackend(referenceKernels);
    const [batch, n, keyHeads, shared, r, p] = [2, 5, 2, 3, 2, 3];
    const valueHeads = keyHeads * shared;
    const packed = (cols: number, seed: number): HostTensor =>
      backend.upload({ data: numbers(batch * n * cols, seed), shape: [batch, n, cols] });
    const [q, k] = [packed(keyHeads * r, 1), packed(keyHeads * r, 2)];
    const [b, out] = [packed(valueHeads * p, 3), packed(valueHeads * p, 4)];
    const ones = backend.upload({ data: new Float64Array([1]), shape: [12, n, 1], strides: [0, 0, 0] });
    const op = {
      diag: ones,
      q: heads(backend, q, keyHeads, { shared }),
      k: heads(backend, k, keyHeads, { shared }),
    };
    const views = { b: heads(backend, b, valueHeads), out: heads(backend, out, valueHeads) };
    const copied = async (t: HostTensor): Promise<HostTensor> =>
      backend.upload({ data: await backend.read(t), shape: t.shape });
    const plain = solve(
      backend,
      { diag: ones, q: await copied(op.q), k: await copied(op.k) },
      await copied(views.b),
    );
    expect(solve(backend, op, views.b, { out: views.out })).toBe(views.out);
    expect(await backend.read(views.out)).toEqual(await backend.read(plain));
  });

  test("heads refuses what has no such heads, and what is written refuses shared ones", () => {
    const backend = new SpyBackend(referenceKernels);
    const t = backend.upload({ data: numbers(24), shape: [2, 3, 4] });
    expect(() => heads(backend, t, 3)).toThrow(/^t: expected columns in a multiple of 3 heads/);
    expect(() => heads(backend, t, 0)).toThrow(/^heads/);
    expect(() => heads(backend, t, 2, { shared: -1 })).toThrow(/^shared/);
    expect(() => heads(backend, heads(backend, t, 2), 2)).toThrow(/one head a sequence/);
    const q = backend.upload({ data: numbers(8 * 3), shape: [8, 3, 1] });
    const x = backend.upload({ data: numbers(8 * 3 * 2), shape: [8, 3, 2] });
    const shared = heads(backend, t, 2, { shared: 2 });
    expect(() => apply(backend, { q, k: q }, x, { out: shared })).toThrow(
      /^out: expected a tensor whose elements are all distinct/,
    );
    const flat = backend.view(t, [8, 3, 2], { offset: 0, heads: 1, shared: 1, batch: 2, head: 0, row: 0 });
    expect(() => apply(backend, { q, k: q }, x, { out: flat })).toThrow(/all distinct/);
  });
});

describe("overlap", () => {
  const backend = new SpyBackend();
  const t = backend.upload({ data: numbers(480), shape: [1, 1, 480] });
  const at = (shape: Shape, layout: Partial<Layout>): HostTensor =>
    backend.view(t, shape, { ...contiguousLayout(shape), ...layout });
  /** Tells whether two tensors share an element, by marking every element of the first. */
  const meets = (a: HostTensor, b: HostTensor): boolean => {
    const marks = (of: HostTensor): Set<number> => {
      const all = new Set<number>();
      for (let e = 0; e < of.shape[0]; e++)
        for (let i = 0; i < of.shape[1]; i++)
          for (let j = 0; j < of.shape[2]; j++) all.add(entryStart(of.layout, e) + i * of.layout.row + j);
      return all;
    };
    const left = marks(a);
    return [...marks(b)].some((element) => left.has(element));
  };
  const tensors: HostTensor[] = [];
  for (const heads of [1, 2]) {
    for (const offset of [0, 1, 2, 3, 4, 12, 24, 40]) {
      tensors.push(at([heads * 2, 3, 2], { offset, heads, head: 2, row: 8, batch: 24 }));
      tensors.push(at([heads * 2, 3, 1], { offset, heads, head: 3, row: 12, batch: 48 }));
      tensors.push(at([heads * 2, 2, 3], { offset: offset + 100, heads, head: 4, row: -7, batch: 31 }));
      tensors.push(at([2, 5, 4], { offset, row: 16, batch: 4 }));
      tensors.push(at([2, 5, 4], { offset, row: 4, batch: 40 }));
    }
  }
  test("is what marking every element says, for heads, rows and batches that interleave", () => {
    let met = 0;
    for (const a of tensors) {
      for (const b of tensors) {
        const truth = meets(a, b);
        expect(overlap(a, b), JSON.stringify([a.shape, a.layout, b.shape, b.layout])).toBe(truth);
        if (truth) met++;
      }
    }
    expect(met).toBeGreaterThan(100);
    expect(met).toBeLessThan(tensors.length ** 2 - 100);
  });

  test("q, k, v and the output of one packed array are operands of one call", () => {
    const host = new SpyBackend(referenceKernels);
    const [n, count, d] = [4, 2, 3];
    const data = host.upload({ data: numbers(n * count * d * 4), shape: [1, n, count * d * 4] });
    const part = (which: number): HostTensor =>
      heads(
        host,
        host.view(data, [1, n, count * d], {
          offset: which * count * d,
          heads: 1,
          shared: 1,
          batch: 0,
          head: 0,
          row: count * d * 4,
        }),
        count,
      );
    const [q, k, x, out] = [part(0), part(1), part(2), part(3)];
    expect(apply(host, { q: q!, k: k! }, x!, { out: out! })).toBe(out);
    expect(() => apply(host, { q: q!, k: k! }, x!, { out: x! })).toThrow(
      /^out: expected a tensor that does not overlap x/,
    );
  });
});
