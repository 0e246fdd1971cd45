// A layer's own arrays [B, T, H·D] as operands: read and written where they lie, without a copy.
import {
  apply,
  heads,
  inverse,
  solve,
  trilInverse,
  type Backend,
  type Dtype,
  type Layout,
  type Shape,
} from "@dlrt/core";
import { createWasmBackend, type WasmTensor } from "@dlrt/backend-wasm";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { random } from "./problem.js";

const [B, T, H, r, p] = [2, 37, 8, 5, 6];
const dtypes = ["f32", "f64"] as const;

let backend: Backend<WasmTensor>;
beforeEach(async () => {
  backend = await createWasmBackend({ threads: 2 });
});
afterEach(() => backend.dispose());

const drawn = (dtype: Dtype, shape: Shape, seed: number, scale = 1): WasmTensor =>
  backend.upload({ data: random(dtype, shape, seed, scale), shape });

/** The same elements row-major in a tensor of their own. */
async function copied(t: WasmTensor): Promise<WasmTensor> {
  return backend.upload({ data: await backend.read(t), shape: t.shape });
}

interface Layer {
  readonly op: { diag: WasmTensor; q: WasmTensor; k: WasmTensor; decay: WasmTensor };
  readonly b: WasmTensor;
  readonly state: WasmTensor;
  /** The packed arrays that are views' own. */
  readonly packed: readonly WasmTensor[];
}

/** Q and K of `keyHeads` heads for H heads of values; decay [B, T, H] or [B, T, keyHeads·r]; states [B·H, r, p]. */
function layer(dtype: Dtype, keyHeads: number, channels: boolean): Layer {
  const shared = H / keyHeads;
  const keys = drawn(dtype, [B, T, keyHeads * r], 1);
  const queries = drawn(dtype, [B, T, keyHeads * r], 2);
  const values = drawn(dtype, [B, T, H * p], 3);
  const diag = drawn(dtype, [B, T, H], 4, 0.2);
  diag.data.forEach((x, i, data) => (data[i] = 1 + x));
  const decay = drawn(dtype, [B, T, channels ? keyHeads * r : H], 5);
  decay.data.forEach((x, i, data) => (data[i] = 0.3 * (x - 0.5)));
  const state = drawn(dtype, [B * H, r, p], 6);
  const op = {
    diag: heads(backend, diag, H),
    q: heads(backend, queries, keyHeads, { shared }),
    k: heads(backend, keys, keyHeads, { shared }),
    decay: channels ? heads(backend, decay, keyHeads, { shared }) : heads(backend, decay, H),
  };
  return { op, b: heads(backend, values, H), state, packed: [keys, queries, values, diag, decay] };
}

describe.each(dtypes)("%s", (dtype) => {
  test.each([
    [8, false],
    [8, true],
    [2, false],
    [2, true],
    [1, true],
  ])("%i key heads, a gate per channel: %s: solved as it lies", async (keyHeads, channels) => {
    const { op, b, state, packed } = layer(dtype, keyHeads, channels);
    const [y, x] = [1, 2].map(() => backend.empty([B, T, H * p], dtype));
    const finalState = backend.empty(state.shape, dtype);
    const given = packed.map((t) => t.data.slice());
    const plain = {
      diag: await copied(op.diag),
      q: await copied(op.q),
      k: await copied(op.k),
      decay: await copied(op.decay),
    };
    const rhs = await copied(b);
    for (const trans of [false, true]) {
      const options = { trans, initialState: state, finalState };
      const wantSolved = solve(backend, plain, rhs, options);
      const wantState = finalState.data.slice();
      const wantApplied = apply(backend, plain, rhs, options);
      for (const t of [y!, x!, finalState]) t.data.fill(Number.NaN);
      const before = { ...backend.memory(), size: y!.storage.buffer.byteLength };
      solve(backend, op, b, { ...options, out: heads(backend, y!, H) });
      expect(await backend.read(finalState)).toEqual(wantState);
      apply(backend, op, b, { ...options, out: heads(backend, x!, H) });
      expect({ ...backend.memory(), size: y!.storage.buffer.byteLength }).toEqual(before);
      expect(await backend.read(heads(backend, y!, H))).toEqual(await backend.read(wantSolved));
      expect(await backend.read(heads(backend, x!, H))).toEqual(await backend.read(wantApplied));
      packed.forEach((t, i) => expect(t.data).toEqual(given[i]));
      for (const t of [wantSolved, wantApplied]) t.dispose();
    }
  });

  test("in place, and the arena gives out nothing: a call on views runs in a memory that is full", async () => {
    const { op, b } = layer(dtype, H, false);
    const want = solve(backend, op, b).data.slice();
    const free: WasmTensor[] = [];
    // These fill what is left of the memory as it is now, down to less than a head of the right-hand side.
    for (let rows = 2 ** 14; rows >= 4; rows /= 2) {
      for (;;) {
        const size = b.storage.buffer.byteLength;
        const t = backend.empty([1, rows, 16], dtype);
        if (t.storage.buffer.byteLength > size) {
          t.dispose();
          break;
        }
        free.push(t);
      }
    }
    const size = b.storage.buffer.byteLength;
    solve(backend, op, b, { out: b });
    expect(b.storage.buffer.byteLength).toBe(size);
    expect(await backend.read(b)).toEqual(want);
    for (const t of free) t.dispose();
  });

  test("one buffer for all inputs, rows from the last, and what lies between is untouched", async () => {
    const n = 21;
    const row = 40;
    const buffer = drawn(dtype, [1, n, row], 8);
    const gapRow = 9;
    const at = (rows: number, cols: number, offset: number, rest: Partial<Layout> = {}): WasmTensor =>
      backend.view(buffer, [1, rows, cols], { offset, heads: 1, shared: 1, batch: 0, head: 0, row, ...rest });
    for (let i = 0; i < n; i++) {
      buffer.data[i * row] = 1 + 0.1 * i;
      buffer.data[i * row + gapRow] = -0.05 * i;
    }
    const last = (n - 1) * row;
    const op = {
      diag: at(n, 1, last, { row: -row }),
      q: at(n, 3, last + 1, { row: -row }),
      k: at(n, 3, 5),
      decay: at(n, 1, gapRow),
    };
    const b = at(n, 7, 12);
    const plain = {
      diag: await copied(op.diag),
      q: await copied(op.q),
      k: await copied(op.k),
      decay: await copied(op.decay),
    };
    const want = solve(backend, plain, await copied(b)).data.slice();
    const space = backend.empty([1, n, 23], dtype);
    space.data.fill(Number.NaN);
    const out = backend.view(space, [1, n, 7], {
      offset: (n - 1) * 23 + 8,
      heads: 1,
      shared: 1,
      batch: 0,
      head: 0,
      row: -23,
    });
    solve(backend, op, b, { out });
    expect(await backend.read(out)).toEqual(want);
    space.data.forEach((x, i) => expect(Number.isNaN(x)).toBe(i % 23 < 8 || i % 23 > 14));
    // One row of K serves all rows, and so does one λ.
    const repeated = { ...op, k: at(n, 3, 5, { row: 0 }), diag: at(n, 1, 0, { row: 0 }) };
    const plainly = { ...plain, k: await copied(repeated.k), diag: await copied(repeated.diag) };
    expect(apply(backend, repeated, b).data).toEqual(apply(backend, plainly, await copied(b)).data);
  });

  test("inverse, trilInverse and rowDot of heads, into heads", async () => {
    const n = 40;
    const keys = drawn(dtype, [B, n, 4 * r], 1);
    const diag = drawn(dtype, [B, n, 4], 2, 0.2);
    diag.data.forEach((x, i, data) => (data[i] = 1 + x));
    const k = heads(backend, keys, 4);
    const op = { diag: heads(backend, diag, 4), q: k, k };
    const packed = backend.empty([B, n, 4 * n], dtype);
    const out = heads(backend, packed, 4);
    for (const chunk of [undefined, 16]) {
      packed.data.fill(Number.NaN);
      inverse(backend, op, { out, chunk });
      const flat = { diag: await copied(op.diag), q: await copied(k), k: await copied(k) };
      expect(await backend.read(out)).toEqual(inverse(backend, flat, { chunk }).data);
    }
    const blocks = await copied(out);
    packed.data.fill(Number.NaN);
    const wide = backend.empty([B, n, 4 * n], dtype);
    const a = heads(backend, wide, 4);
    backend.kernels.copy({ batch: B * 4, rows: n, cols: n, alpha: 1, trans: false, x: blocks, out: a });
    trilInverse(backend, a, { out });
    expect(await backend.read(out)).toEqual(trilInverse(backend, blocks).data);
    const dots = backend.empty([B, n, 4], dtype);
    const params = { batch: B * 4, n, p: r, alpha: 0.5 };
    backend.kernels.rowDot({ ...params, x: k, y: k, out: heads(backend, dots, 4) });
    const want = backend.empty([B * 4, n, 1], dtype);
    backend.kernels.rowDot({ ...params, x: await copied(k), y: await copied(k), out: want });
    expect(await backend.read(heads(backend, dots, 4))).toEqual(want.data);
  });
});

test("a view is one of the tensor's elements, counts nothing, and is disposed with it", async () => {
  const t = backend.upload({ data: Float32Array.from({ length: 24 }, (_, i) => i), shape: [2, 3, 4] });
  const before = backend.memory();
  const view = heads(backend, t, 2);
  expect(backend.memory()).toEqual(before);
  expect(view.data).toBe(t.data);
  expect(view.storage).toBe(t.storage);
  expect([...(await backend.read(view))].slice(6, 12)).toEqual([2, 3, 6, 7, 10, 11]);
  const large = backend.empty([1, 3000, 3000]);
  expect([...(await backend.read(view))].slice(6, 12)).toEqual([2, 3, 6, 7, 10, 11]);
  large.dispose();
  view.dispose();
  expect([view.disposed, t.disposed]).toEqual([true, false]);
  const other = heads(backend, t, 2);
  t.dispose();
  expect([other.disposed, other.data.length]).toEqual([true, 0]);
  expect(() => other.storage).toThrow(expect.objectContaining({ code: "DISPOSED" }));
  await expect(backend.read(other)).rejects.toMatchObject({ code: "DISPOSED" });
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});
