import { createHash } from "node:crypto";
import { heads, unitRoundoff, type Backend } from "@dlrt/core";
import { createWasmBackend, type WasmTensor } from "@dlrt/backend-wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drawn, fused, recurrence, uploaded, worst, type Case, type Elements } from "./delta.js";
import { BUILDS, random } from "./problem.js";

const base: Case = {
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

/** Sizes around every tile, panel and chunk: the fused chunks and the row-by-row way for n ≤ 4. */
const sizes: readonly (readonly [n: number, r: number, p: number])[] = [
  [1, 1, 1],
  [1, 64, 64],
  [2, 5, 3],
  [3, 3, 17],
  [4, 20, 33],
  [5, 4, 8],
  [7, 1, 1],
  [15, 6, 9],
  [16, 7, 31],
  [17, 8, 16],
  [33, 13, 24],
  [50, 66, 40],
  [40, 260, 12],
];

const gates = (["one", "channels"] as const).flatMap((erase) =>
  (["none", "one", "columns"] as const)
    .filter((write) => erase === "one" || write !== "none")
    .map((write) => ({ erase, write })),
);

/** Of the state: with an erase key of its own it decays by one number a row. */
const kinds = [
  ...(["none", "row", "channel"] as const).map((decay) => ({ decay, own: false })),
  ...(["none", "row"] as const).map((decay) => ({ decay, own: true })),
];

function expectRight(
  backends: readonly Backend<WasmTensor>[],
  given: Case,
  x: Elements = drawn(given),
  chunk?: number,
): void {
  const want = recurrence(given, x);
  for (const backend of backends) {
    const got = fused(backend, given, x, chunk);
    for (const name of ["out", "finalState"] as const) {
      const error = worst(got[name], want[name]) / want.size[name] / unitRoundoff[given.dtype];
      expect(error, `${backend.supports.build}: ${name} ${JSON.stringify(given)}`).toBeLessThanOrEqual(8);
    }
  }
}

describe("all builds", () => {
  let backends: Backend<WasmTensor>[];
  beforeAll(async () => {
    const create = ({ build, relaxed }: (typeof BUILDS)[number]): Promise<Backend<WasmTensor>> =>
      createWasmBackend({ build, relaxed, threads: build === "simd" ? 1 : 2 });
    backends = await Promise.all(BUILDS.map(create));
  });
  afterAll(async () => {
    await Promise.all(backends.map((backend) => backend.dispose()));
  });

  const wanted = (["f32", "f64"] as const).flatMap((dtype) => kinds.map((kind) => ({ dtype, ...kind })));
  test.each(wanted)("$dtype, decay $decay, an erase key of its own: $own: every size and gate", (kind) => {
    for (const [n, r, p] of sizes) {
      for (const gate of gates) {
        const given = { ...base, n, r, p, ...kind, ...gate };
        expectRight(backends, given);
        expectRight(backends, { ...given, state: false, eps: 1e-6 });
      }
    }
    for (const backend of backends) expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });
});

const decays = ["none", "row", "channel"] as const;
const dtypes = ["f32", "f64"] as const;

describe("one thread", () => {
  let backend: Backend<WasmTensor>;
  beforeAll(async () => {
    backend = await createWasmBackend({ threads: 1 });
  });
  afterAll(() => backend.dispose());

  test.each(dtypes)("%s: any chunk", (dtype) => {
    for (const kind of kinds) {
      for (const chunk of [1, 2, 3, 4, 7, 8, 13, 24, 32, 100]) {
        const given = { ...base, dtype, n: 70, r: 9, p: 11, ...kind };
        expectRight([backend], given, drawn(given), chunk);
      }
    }
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });

  test.each(dtypes)(
    "%s: operands, states and output as heads of packed arrays, keys shared, rows backwards",
    (dtype) => {
      const [H, r, p] = [6, 7, 10];
      for (const n of [3, 21]) {
        for (const decay of ["row", "channel"] as const) {
          const columns = decay === "row" ? 1 : r;
          const put = (cols: number, seed: number): WasmTensor =>
            backend.upload({ data: random(dtype, [2, n, cols], seed), shape: [2, n, cols] });
          const backwards = (t: WasmTensor): WasmTensor => {
            const { layout, shape } = t;
            const last = layout.offset + (n - 1) * layout.row;
            return backend.view(t, shape, { ...layout, offset: last, row: -layout.row });
          };
          const gaps = put(H * columns, 6);
          gaps.data.forEach((x, i, data) => (data[i] = x - 0.5));
          const states = backend.upload({ data: random(dtype, [2, r, H * p], 8), shape: [2, r, H * p] });
          const inputs = {
            query: backwards(heads(backend, put(H * r, 1), H)),
            key: heads(backend, put(3 * r, 2), 3, { shared: 2 }),
            value: heads(backend, put(H * p, 3), H),
            erase: heads(backend, put(H * r, 4), H),
            write: heads(backend, put(2 * p, 5), 2, { shared: 3 }),
            decay: heads(backend, gaps, H),
            initialState: heads(backend, states, H),
          };
          const own = Object.fromEntries(
            Object.entries(inputs).map(([name, t]) => {
              const whole = backend.empty(t.shape, dtype);
              const [batch, rows, cols] = t.shape;
              backend.kernels.copy({ batch, rows, cols, alpha: 1, trans: false, x: t, out: whole });
              return [name, whole];
            }),
          ) as unknown as typeof inputs;
          const sizes = { batch: 2 * H, n, r, p, scale: 0.5 };
          const want = backend.empty([2 * H, n, p], dtype);
          const wanted = backend.empty([2 * H, r, p], dtype);
          backend.kernels.deltaRule!({ ...sizes, ...own, out: want, finalState: wanted });
          const packed = backend.empty([2, n, H * p], dtype);
          const final = heads(backend, states, H);
          backend.kernels.deltaRule!({
            ...sizes,
            ...inputs,
            out: heads(backend, packed, H),
            finalState: final,
          });
          for (const [got, right] of [
            [heads(backend, packed, H), want],
            [final, wanted],
          ] as const) {
            const [batch, rows, cols] = got.shape;
            const whole = backend.empty(got.shape, dtype);
            backend.kernels.copy({ batch, rows, cols, alpha: 1, trans: false, x: got, out: whole });
            expect(whole.data).toEqual(right.data);
          }
        }
      }
    },
  );

  test.each(dtypes)("%s: nothing to read, nothing to write", (dtype) => {
    const empty: Case = { ...base, dtype, n: 0 };
    const x = drawn(empty);
    expect(fused(backend, empty, x).finalState).toEqual(x.initialState);
    for (const n of [2, 20]) {
      for (const decay of decays) {
        const rankless: Case = { ...base, dtype, n, r: 0, decay };
        const value = drawn(rankless).value as Float32Array;
        value[3] = Infinity;
        expect(fused(backend, rankless, { ...drawn(rankless), value }).out.every((y) => y === 0)).toBe(true);
      }
    }
  });

  test.each(dtypes)(
    "%s: a number that is not finite stays in its column, and in the rows from its own on",
    (dtype) => {
      for (const n of [4, 40]) {
        for (const kind of kinds) {
          const given: Case = { ...base, dtype, n, r: 6, p: 11, ...kind, batch: 1 };
          const x = drawn(given);
          const value = (x.value as Float32Array).slice();
          const row = n - 2;
          value[row * 11 + 9] = Infinity;
          const [right, got] = [fused(backend, given, x), fused(backend, given, { ...x, value })];
          got.out.forEach((y, i) => {
            if (i % 11 === 9 && Math.floor(i / 11) >= row) expect(Number.isFinite(y)).toBe(false);
            else expect(y).toBe(right.out[i]);
          });
        }
      }
    },
  );
});

test("the same bits for every number of threads, in place or not", async () => {
  const sizes = [
    [1, 300, 64, 90],
    [5, 200, 40, 33],
    [16, 100, 32, 48],
    [2, 4, 512, 512],
  ] as const;
  const results: string[] = [];
  for (const threads of [1, 2, 3]) {
    const backend = await createWasmBackend({ threads, build: "simd+threads" });
    const all: unknown[] = [];
    for (const [batch, n, r, p] of sizes) {
      for (const kind of kinds) {
        const given: Case = { ...base, batch, n, r, p, ...kind };
        const x = drawn(given);
        const { out, finalState } = fused(backend, given, x);
        all.push(digest(out), digest(finalState));
        const { initialState, ...inputs } = uploaded(backend, given, x);
        const again = backend.empty([batch, n, p]);
        const { scale } = given;
        backend.kernels.deltaRule!({
          ...{ batch, n, r, p, scale },
          ...inputs,
          initialState,
          finalState: initialState,
          out: again,
        });
        expect([again, initialState!].map((t) => digest(t.data))).toEqual([out, finalState].map(digest));
        for (const t of [...Object.values(inputs), initialState, again]) t?.dispose();
      }
    }
    results.push(JSON.stringify(all));
    await backend.dispose();
  }
  expect(new Set(results).size).toBe(1);
});

function digest(data: Float32Array | Float64Array): string {
  return createHash("sha256")
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest("hex");
}
