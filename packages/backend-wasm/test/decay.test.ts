import { apply, inverse, solve, unitRoundoff, type Backend, type Dtype } from "@dlrt/core";
import { gate, omega, omegaApply, omegaInverse, omegaState, recurrent } from "@dlrt/core/reference";
import { createWasmBackend, type WasmTensor } from "@dlrt/backend-wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BUILDS } from "./problem.js";
import { decaying, families, type Channels, type Decaying } from "./gaps.js";

const kinds = (["f32", "f64"] as const).flatMap((dtype) =>
  (["row", "channel"] as const).map((channels) => ({ dtype, channels })),
);
const plain = (t: WasmTensor): Float64Array => Float64Array.from(t.data);

describe.each(BUILDS.filter(({ build }) => build === "simd"))("relaxed: $relaxed", (options) => {
  let backend: Backend<WasmTensor>;
  beforeAll(async () => {
    backend = await createWasmBackend(options);
  });
  afterAll(() => backend.dispose());

  /** The largest ω of one call each of solve and apply, and of their final states, in ε. */
  function worst(
    { op, b, state, reference }: Decaying,
    dtype: Dtype,
    trans: boolean,
    chunk?: number,
  ): number {
    const [, n, p] = b.shape;
    const [rhs, before] = [plain(b), plain(state)];
    const finalState = backend.empty(state.shape, dtype);
    const options = { trans, dtype, initialState: before };
    const found: number[] = [];
    for (const [operation, judge] of [
      [solve, omega],
      [apply, omegaApply],
    ] as const) {
      const out = backend.empty([1, n, p], dtype);
      out.data.fill(Number.NaN);
      finalState.data.fill(Number.NaN);
      operation(backend, op, b, { trans, chunk, out, initialState: state, finalState });
      const y = plain(out);
      found.push(judge(reference, y, rhs, p, options));
      const taken = operation === solve ? y : rhs;
      found.push(omegaState(reference, plain(finalState), taken, p, { trans, initialState: before }));
      out.dispose();
    }
    finalState.dispose();
    return found.reduce((a, x) => Math.max(a, x)) / unitRoundoff[dtype]; // NaN stays NaN
  }

  test.each(kinds)("$dtype, by $channels: every family, size and direction", ({ dtype, channels }) => {
    for (const [name, family] of Object.entries(families)) {
      // The sizes have one chunk and several, r on both sides of whole tiles, vectors and blocks, and partial panels.
      for (const size of [
        [70, 16, 9],
        [37, 5, 3],
        [50, 70, 17],
        [33, 3, 12],
        [20, 33, 1],
      ] as const) {
        const made = decaying(backend, dtype, size, family, channels);
        for (const trans of [false, true]) {
          const says = `${name}, n, r, p = ${size.join()}, trans: ${trans}`;
          expect(worst(made, dtype, trans), says).toBeLessThanOrEqual(gate(size[1]));
        }
        made.dispose();
      }
    }
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });

  test.each(kinds)("$dtype, by $channels: chunks of 1 to 64 rows", ({ dtype, channels }) => {
    const made = decaying(backend, dtype, [67, 6, 5], families["as gates are"]!, channels);
    for (let chunk = 1; chunk <= 64; chunk++) {
      for (const trans of [false, true]) {
        expect(worst(made, dtype, trans, chunk), `chunk ${chunk}`).toBeLessThanOrEqual(gate(6));
      }
    }
    made.dispose();
  });

  test.each(kinds)(
    "$dtype, by $channels: inverses, within one outer block and across several",
    ({ dtype, channels }) => {
      for (const [name, family] of Object.entries(families)) {
        for (const [n, r, chunk] of [
          [100, 5, 32],
          [83, 18, 16],
          [40, 3, undefined],
        ] as const) {
          const made = decaying(backend, dtype, [n, r, 1], family, channels);
          const x = inverse(backend, made.op, { chunk });
          const error = omegaInverse(made.reference, plain(x), { dtype }) / unitRoundoff[dtype];
          expect(error, `${name}, n = ${n}, r = ${r}`).toBeLessThanOrEqual(gate(r));
          x.dispose();
          made.dispose();
        }
      }
    },
  );

  test.each(kinds)("$dtype, by $channels: g of 0 and −∞ on whole numbers is exact", ({ dtype, channels }) => {
    const made = decaying(backend, dtype, [75, 5, 11], (u) => (u < 0.2 ? -Infinity : 0), channels);
    const { op, b, state, reference } = made;
    // The numbers are so small that no sum leaves the whole numbers of float32.
    const whole = (t: WasmTensor, most: number): void =>
      t.data.forEach((x, i, data) => (data[i] = Math.round(x * most)));
    whole(op.q, 1);
    whole(op.k, 1);
    whole(b, 4);
    whole(state, 4);
    op.q.data.forEach((x, i, data) => (data[i] = i % 7 < 2 ? x : 0));
    op.diag.data.fill(1);
    const exact = { ...reference, diag: plain(op.diag), q: plain(op.q), k: plain(op.k) };
    for (const trans of [false, true]) {
      for (const [operation, truth] of [
        [apply, recurrent.apply],
        [solve, recurrent.solve],
      ] as const) {
        const finalState = backend.empty(state.shape, dtype);
        const y = operation(backend, op, b, { trans, initialState: state, finalState });
        const want = truth(exact, plain(b), 11, { trans, initialState: plain(state) });
        expect(Math.max(...want.y.map(Math.abs))).toBeLessThan(2 ** 24);
        const numbers = (values: Iterable<number>): number[] => Array.from(values, (x) => x + 0);
        expect(numbers(y.data)).toEqual(numbers(want.y));
        expect(numbers(finalState.data)).toEqual(numbers(want.finalState));
        for (const t of [y, finalState]) t.dispose();
      }
    }
    made.dispose();
  });

  test.each(kinds)(
    "$dtype, by $channels: a decay of 1e-8 is not lost over 65,536 rows of equal data",
    ({ dtype, channels }) => {
      const [n, r] = [65_536, 2];
      const made = decaying(backend, dtype, [n, r, 1], () => -1e-8, channels);
      for (const t of [made.op.q, made.op.k]) t.data.fill(0.3);
      made.op.diag.data.fill(1);
      made.b.data.fill(0.7);
      const reference = {
        ...made.reference,
        q: plain(made.op.q),
        k: plain(made.op.k),
        diag: plain(made.op.diag),
      };
      for (const trans of [false, true]) {
        expect(worst({ ...made, reference }, dtype, trans)).toBeLessThanOrEqual(gate(r));
      }
      made.dispose();
    },
  );

  test.each(kinds)(
    "$dtype, by $channels: one row after another in a chunk, through any gaps",
    ({ dtype, channels }) => {
      const n = 32;
      for (const [name, family] of Object.entries(families)) {
        const made = decaying(backend, dtype, [n, 2, 1], family, channels);
        const { op, b, reference } = made;
        const gaps = reference.decay!;
        op.q.data.forEach((_, i, data) => (data[i] = 1 - (i % 2)));
        op.k.data.forEach((_, i, data) => (data[i] = 1 - (i % 2)));
        for (const from of [0, 5, 15]) {
          b.data.fill(0);
          b.data[from] = 1;
          const y = apply(backend, { q: op.q, k: op.k, decay: op.decay }, b);
          let sum = 0;
          for (let i = from + 1; i < n; i++) {
            sum += gaps[i * (channels === "row" ? 1 : 2)]!;
            // A running product has an error for every factor; sums in two parts have only that of the exponential.
            const ulps = channels === "row" ? 4 : 2 * (i - from) + 2;
            const allowed = Math.exp(sum) * ulps * 2 * unitRoundoff[dtype] + 2 ** -64;
            expect(Math.abs(y.data[i]! - Math.exp(sum)), `${name}, from ${from} to ${i}`).toBeLessThanOrEqual(
              allowed * (1 + (dtype === "f64" ? Math.abs(sum) : 0)),
            );
          }
          y.dispose();
        }
        made.dispose();
      }
    },
  );
});

test.each(["row", "channel"] as Channels[])(
  "by %s: NaN in a gap is seen from its row on, and not before",
  async (channels) => {
    const backend = await createWasmBackend({ threads: 1 });
    const made = decaying(backend, "f32", [40, 3, 4], families["as gates are"]!, channels);
    const before = solve(backend, made.op, made.b).data.slice(0, 21 * 4);
    made.op.decay.data[21 * (channels === "row" ? 1 : 3)] = Number.NaN;
    const y = solve(backend, made.op, made.b).data;
    expect(y.slice(0, 21 * 4)).toEqual(before);
    expect(y.slice(21 * 4).every(Number.isNaN)).toBe(true);
    await backend.dispose();
  },
);

test.each(["row", "channel"] as Channels[])("by %s: growth is growth", async (channels) => {
  const backend = await createWasmBackend({ threads: 1 });
  const made = decaying(backend, "f64", [30, 3, 4], (u) => u, channels);
  const y = apply(backend, made.op, made.b);
  const { y: want } = recurrent.apply(made.reference, plain(made.b), 4);
  want.forEach((x, i) => expect(Math.abs(y.data[i]! - x)).toBeLessThanOrEqual(1e-9 * Math.abs(x) + 1e-9));
  made.op.decay.data.fill(1000).fill(0, 0, made.op.decay.shape[2]);
  const far = apply(backend, made.op, made.b).data;
  expect([...far.slice(0, 4)].every(Number.isFinite)).toBe(true);
  expect([...far.slice(4 * 29)].some(Number.isFinite)).toBe(false);
  await backend.dispose();
});
