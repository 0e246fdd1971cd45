// What may not change a single bit of the delta rule and its gradients: how operands lie, what else is asked for, how many threads there are.
import { heads, type Backend } from "@dlrt/core";
import { createWasmBackend, type WasmTensor } from "@dlrt/backend-wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { base, drawn, fused, kinds, uploaded, type Case } from "./delta.js";
import { fusedGradients } from "./delta-gradients.js";
import { digest, random } from "./problem.js";

const dtypes = ["f32", "f64"] as const;

describe("one thread", () => {
  let backend: Backend<WasmTensor>;
  beforeAll(async () => {
    backend = await createWasmBackend({ threads: 1 });
  });
  afterAll(() => backend.dispose());

  test.each(dtypes)(
    "%s: deltaRule: operands, states and output as heads of packed arrays, keys shared, rows backwards",
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

  test.each(dtypes)("%s: gradients: only what is asked for is written, the same bits", (dtype) => {
    for (const kind of kinds)
      expectOnlyAsked({ ...base, dtype, n: 20, ...kind, erase: "channels", write: "columns" });
  });

  function expectOnlyAsked(given: Case): void {
    const { dtype } = given;
    const x = drawn(given);
    const { batch, n, r, p, scale } = given;
    const cotangent = random(dtype, [batch, n, p], 21, 2);
    const all = fusedGradients(backend, given, x, cotangent, undefined);
    const inputs = uploaded(backend, given, x);
    const outCotangent = backend.upload({ data: cotangent, shape: [batch, n, p] });
    for (const [name, t] of Object.entries(inputs)) {
      if (t === undefined) continue;
      const gradient = backend.empty(t.shape, dtype);
      backend.kernels.deltaRuleVjp!({
        ...{ batch, n, r, p, scale },
        ...inputs,
        outCotangent,
        gradients: { [name]: gradient },
      });
      expect(gradient.data, name).toEqual(all[name]);
    }
  }

  test("gradients: heads of packed arrays, operands shared", async () => {
    const [H, n, r, p] = [4, 19, 6, 10];
    const put = (cols: number, seed: number): WasmTensor =>
      backend.upload({ data: random("f32", [2, n, cols], seed), shape: [2, n, cols] });
    const inputs = {
      query: heads(backend, put(H * r, 1), H),
      key: heads(backend, put(2 * r, 2), 2, { shared: 2 }),
      value: heads(backend, put(H * p, 3), H),
      erase: heads(backend, put(H, 4), H),
    };
    const own = Object.fromEntries(
      await Promise.all(
        Object.entries(inputs).map(
          async ([name, t]) =>
            [name, backend.upload({ data: await backend.read(t), shape: t.shape })] as const,
        ),
      ),
    ) as unknown as typeof inputs;
    const cotangent = put(H * p, 7);
    const outCotangent = heads(backend, cotangent, H);
    const given = { batch: 2 * H, n, r, p, scale: 0.5, eps: 1e-6 };
    const packed: Record<string, WasmTensor> = {};
    const want: Record<string, WasmTensor> = {};
    for (const [name, t] of Object.entries(inputs)) {
      packed[name] = heads(backend, backend.empty([2, n, H * t.shape[2]]), H);
      want[name] = backend.empty(t.shape);
    }
    backend.kernels.deltaRuleVjp!({ ...given, ...inputs, outCotangent, gradients: packed });
    const whole = backend.upload({ data: await backend.read(outCotangent), shape: outCotangent.shape });
    backend.kernels.deltaRuleVjp!({ ...given, ...own, outCotangent: whole, gradients: want });
    for (const name of Object.keys(inputs))
      expect(await backend.read(packed[name]!), name).toEqual(want[name]!.data);
  });
});

test("deltaRule: the same bits for every number of threads, in place or not", async () => {
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

test("gradients: the same bits for every number of threads", async () => {
  const results: string[] = [];
  for (const threads of [1, 2, 3, 8]) {
    const backend = await createWasmBackend({ threads, build: "simd+threads" });
    const all: string[] = [];
    for (const [batch, n, r, p] of [
      [1, 400, 64, 90],
      [5, 200, 40, 33],
    ] as const) {
      for (const kind of kinds) {
        const given: Case = { ...base, dtype: "f32", batch, n, r, p, ...kind };
        const cotangent = random("f32", [batch, n, p], 21, 2);
        const final = random("f32", [batch, r, p], 22, 2);
        for (const keeps of [false, true]) {
          const gradients = fusedGradients(backend, given, drawn(given), cotangent, final, { keeps });
          for (const values of Object.values(gradients)) all.push(digest(values));
        }
      }
    }
    results.push(JSON.stringify(all));
    await backend.dispose();
  }
  expect(new Set(results).size).toBe(1);
});

test("gradients: the same bits where states are made again from those that are kept", async () => {
  const given: Case = { ...base, dtype: "f32", batch: 1, n: 1500, r: 128, p: 128, decay: "row" };
  const x = drawn(given);
  const cotangent = random("f32", [1, 1500, 128], 21, 2);
  const digests: string[] = [];
  // 1500 chunks of one row make 100 MB of states. One thread may keep so much, but each of three may not.
  for (const threads of [1, 3]) {
    const backend = await createWasmBackend({ threads, build: "simd+threads" });
    for (const values of Object.values(fusedGradients(backend, given, x, cotangent, undefined, { chunk: 1 })))
      digests.push(digest(values));
    await backend.dispose();
  }
  const half = digests.length / 2;
  expect(digests.slice(half)).toEqual(digests.slice(0, half));
});
