import { heads, unitRoundoff, type Backend, type Dtype } from "@dlrt/core";
import { createWasmBackend, type WasmTensor } from "@dlrt/backend-wasm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { random } from "./problem.js";

let backend: Backend<WasmTensor>;
beforeAll(async () => {
  backend = await createWasmBackend({ threads: 2 });
});
afterAll(() => backend.dispose());

interface Given {
  readonly batch: number;
  readonly n: number;
  readonly r: number;
  readonly channels: number;
  readonly trans: boolean;
  readonly decay: WasmTensor;
  readonly q: WasmTensor;
  readonly k: WasmTensor;
  readonly qGradient: WasmTensor;
  readonly kGradient: WasmTensor;
  readonly start?: WasmTensor | undefined;
}

/**
 * Computes equation (27) of the reference README in float64, and for each element the size by which its error is measured:
 * |s| + Σ (|q q̄| + |k k̄|).
 */
function expected(
  { batch, n, r, channels, trans, decay, start }: Given,
  [q, qg, k, kg]: readonly ArrayLike<number>[],
): { value: Float64Array; size: Float64Array } {
  const value = new Float64Array(batch * n * channels);
  const size = new Float64Array(batch * n * channels);
  for (let b = 0; b < batch; b++) {
    for (let c = 0; c < channels; c++) {
      const mine = channels === 1 ? Array.from({ length: r }, (_, m) => m) : [c];
      let sum = 0;
      let all = 0;
      for (const m of mine) {
        const s = start?.data[b * r + m] ?? 0;
        sum += s;
        all += Math.abs(s);
      }
      for (let step = 0; step < n; step++) {
        const i = trans ? n - 1 - step : step;
        const at = (b * n + i) * channels + c;
        const write = (): void => {
          value[at] = decay.data[at] === -Infinity ? 0 : sum;
          size[at] = all;
        };
        if (!trans) write();
        for (const m of mine) {
          const e = (b * n + i) * r + m;
          const [left, right] = [q![e]! * qg![e]!, k![e]! * kg![e]!];
          sum += trans ? left - right : right - left;
          all += Math.abs(left) + Math.abs(right);
        }
        if (trans) write();
      }
    }
  }
  return { value, size };
}

function drawn(
  dtype: Dtype,
  [batch, n, r, channels]: readonly [number, number, number, number],
  trans: boolean,
): Given {
  const put = (seed: number, cols: number, rows = n): WasmTensor =>
    backend.upload({ data: random(dtype, [batch, rows, cols], seed), shape: [batch, rows, cols] });
  const decay = put(1, channels);
  decay.data.forEach((x, i, data) => (data[i] = x > 0.4 ? -Infinity : x - 1));
  const [q, k, qGradient, kGradient] = [2, 3, 4, 5].map((seed) => put(seed, r));
  return {
    batch,
    n,
    r,
    channels,
    trans,
    decay,
    q: q!,
    k: k!,
    qGradient: qGradient!,
    kGradient: kGradient!,
    start: put(6, 1, r),
  };
}

const cases = (["f32", "f64"] as const).flatMap((dtype) => [false, true].map((trans) => ({ dtype, trans })));

test.each(cases)("$dtype, trans: $trans: by row and channel, every rank left over", ({ dtype, trans }) => {
  for (const r of [1, 2, 3, 7, 12]) {
    for (const channels of new Set([1, r])) {
      const given = drawn(dtype, [2, 9, r, channels], trans);
      for (const start of [given.start, undefined]) {
        const out = backend.empty([2, 9, channels], dtype);
        out.data.fill(Number.NaN);
        const call = { ...given, start };
        backend.kernels.decayVjp({ ...call, out });
        const parts = [given.q, given.qGradient, given.k, given.kGradient].map((t) => t.data);
        const { value, size } = expected(call, parts);
        // In f64 more is allowed, because what it is compared with is float64 too and has been rounded after every term.
        const allowed = (dtype === "f32" ? 1.01 : 8) * unitRoundoff[dtype];
        value.forEach((x, i) =>
          expect(Math.abs(out.data[i]! - x), `r ${r}, ${channels}`).toBeLessThanOrEqual(allowed * size[i]!),
        );
      }
    }
  }
});

test.each(cases)("$dtype, trans: $trans: 65,536 rows of one sign lose nothing", ({ dtype, trans }) => {
  for (const channels of [1, 2]) {
    const given = drawn(dtype, [1, 65_536, 2, channels], trans);
    for (const t of [given.q, given.qGradient]) t.data.fill(0.7);
    given.k.data.fill(0);
    const out = backend.empty([1, 65_536, channels], dtype);
    backend.kernels.decayVjp({ ...given, out });
    const e = given.q.data[0]! ** 2;
    const starts = channels === 1 ? [given.start!.data[0]! + given.start!.data[1]!] : [...given.start!.data];
    for (let step = 0; step < 65_536; step += 97) {
      const i = trans ? 65_535 - step : step;
      for (let c = 0; c < channels; c++) {
        if (given.decay.data[i * channels + c] === -Infinity) continue;
        // The sums are multiples of e, so the truth is known to half a unit in the last place.
        const sum = (trans ? e * (step + 1) : -e * step) * (channels === 1 ? 2 : 1);
        const error = Math.abs(out.data[i * channels + c]! - (starts[c]! + sum));
        expect(error).toBeLessThanOrEqual(2 * unitRoundoff[dtype] * (1 + Math.abs(sum)));
      }
    }
  }
});

test("f64: what a large term hides comes back when it is taken away", () => {
  const given = drawn("f64", [1, 3, 2, 2], false);
  given.decay.data.fill(-1);
  for (const t of [given.k, given.start!]) t.data.fill(0);
  given.q.data.fill(1);
  given.qGradient.data.set([2 ** 60, -(2 ** 60), 1, 1, -(2 ** 60), 2 ** 60]);
  const out = backend.empty([1, 3, 2], "f64");
  backend.kernels.decayVjp({ ...given, trans: true, out });
  expect([...out.data]).toEqual([1, 1, -(2 ** 60), 2 ** 60, -(2 ** 60), 2 ** 60]);
});

test("operands and result as heads of packed arrays", async () => {
  const [n, r, H] = [11, 3, 4];
  const packed = [1, 2, 3, 4, 5].map((seed) =>
    backend.upload({ data: random("f32", [2, n, H * r], seed), shape: [2, n, H * r] }),
  );
  const [decay, q, k, qGradient, kGradient] = packed.map((t) => heads(backend, t, H));
  const space = backend.empty([2, n, H * r]);
  const params = { batch: 2 * H, n, r, trans: false };
  backend.kernels.decayVjp({
    ...params,
    decay: decay!,
    q: q!,
    k: k!,
    qGradient: qGradient!,
    kGradient: kGradient!,
    out: heads(backend, space, H),
  });
  const own = await Promise.all(
    [decay, q, k, qGradient, kGradient].map(async (t) =>
      backend.upload({ data: await backend.read(t!), shape: t!.shape }),
    ),
  );
  const want = backend.empty([2 * H, n, r]);
  backend.kernels.decayVjp({
    ...params,
    decay: own[0]!,
    q: own[1]!,
    k: own[2]!,
    qGradient: own[3]!,
    kGradient: own[4]!,
    out: want,
  });
  expect(await backend.read(heads(backend, space, H))).toEqual(want.data);
});
