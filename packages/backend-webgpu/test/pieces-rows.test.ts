import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { uniformFrom } from "../../../tooling/random.mjs";
import { onDevice, rowsOf, worst, type OnDevice } from "./support/on-device.js";
import { gateOf, normOf, type Activation } from "./support/pieces.js";

let device: OnDevice;
beforeAll(async () => {
  device = await onDevice();
});
afterEach(() => device.clear());
afterAll(() => device.dispose());

/** The largest error allowed, in ε of what rounding each operand once would move the result by. */
const LIMIT = 8;
const batch = 2;
const entries = [0, 1];
const fill = (count: number, value: (at: number) => number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => value(at));

const far = [0, -0, 1e-30, -1e-30, -80, -87, 80, 88, 1e4, -1e4, 1e37, -1e37];

test.each([
  ["softplus", undefined, 1],
  ["softplus", undefined, 20],
  ["a lower bound", -5, 1],
  ["a lower bound", -5, 20],
])("gate by %s (%s), %i columns: g, the gradient of x and that of a", async (_, lowerBound, p) => {
  const n = 67;
  const shape = [batch, n, p] as const;
  const next = uniformFrom(11);
  const x = fill(batch * n * p, (at) => far[at % 24] ?? 24 * next() - 14);
  const bias = fill(batch * p, () => 2 * next() - 1);
  const cotangent = fill(batch * n * p, () => 2 * next() - 1);
  for (const a of [
    [0.7, -2.3],
    [-60, 1e-6],
    [3, 2.5],
  ].map((pair) => Float32Array.from(pair))) {
    const want = entries.map((entry) => {
      const own = rowsOf(bias, [batch, 1, p], entry)[0]!;
      return gateOf(rowsOf(x, shape, entry), a[entry]!, own, rowsOf(cotangent, shape, entry), lowerBound);
    });
    for (const on of device.both) {
      const inputs = {
        ...{ batch, n, p, lowerBound },
        x: device.put(on, x, shape),
        a: device.put(on, a, [batch, 1, 1]),
        bias: device.put(on, bias, [batch, 1, p]),
      };
      const [g, out] = [device.poison(on, ...shape), device.poison(on, ...shape)];
      const aTerms = device.poison(on, batch, n, 1);
      on.kernels.gate!({ ...inputs, out: g });
      on.kernels.gate!({ ...inputs, cotangent: device.put(on, cotangent, shape), out, aTerms });
      expect(
        worst(
          await on.read(g),
          want.map((of) => of.g),
        ),
      ).toBeLessThanOrEqual(LIMIT);
      expect(
        worst(
          await on.read(out),
          want.map((of) => of.x),
        ),
      ).toBeLessThanOrEqual(LIMIT);
      expect(
        worst(
          await on.read(aTerms),
          want.map((of) => of.a),
        ),
      ).toBeLessThanOrEqual(LIMIT);
    }
  }
});

test("gate where exp(a) overflows and softplus underflows: their product where it is a number, and never NaN", async () => {
  const [on] = device.both;
  const x = [-190, -210, -280, -1e30, 0, 50];
  const [n, p] = [x.length, 1];
  const inputs = {
    ...{ batch: 1, n, p },
    x: device.put(on!, x, [1, n, 1]),
    a: device.put(on!, [200], [1, 1, 1]),
    bias: device.put(on!, [0], [1, 1, 1]),
  };
  const [g, out] = [device.poison(on!, 1, n, 1), device.poison(on!, 1, n, 1)];
  const aTerms = device.poison(on!, 1, n, 1);
  const cotangent = device.put(on!, [1, 1, 1, 1, 0, 1], [1, n, 1]);
  on!.kernels.gate!({ ...inputs, out: g });
  on!.kernels.gate!({ ...inputs, cotangent, out, aTerms });
  const [e10, em10] = [-Math.exp(10), -Math.exp(-10)];
  for (const [t, want] of [
    [g, [e10, em10, -Math.exp(-80), 0, -Infinity, -Infinity]],
    [out, [e10, em10, -Math.exp(-80), 0, 0, -Infinity]],
    [aTerms, [e10, em10, -Math.exp(-80), 0, 0, -Infinity]],
  ] as const) {
    const got = await on!.read(t);
    want.forEach((value, at) => {
      if (value === 0 || !Number.isFinite(value)) expect(got[at]! + 0, `${at}`).toBe(value);
      else expect(Math.abs(got[at]! / value - 1), `${at}`).toBeLessThan(4e-7);
    });
  }
  // With a lower bound it is the argument of the logistic function that overflows.
  on!.kernels.gate!({ ...inputs, lowerBound: -5, out: g });
  on!.kernels.gate!({ ...inputs, lowerBound: -5, cotangent, out, aTerms });
  expect([...(await on!.read(g))].map((value) => value + 0)).toEqual([0, 0, 0, 0, -2.5, -5]);
  expect([...(await on!.read(aTerms))].map((value) => value + 0)).toEqual([0, 0, 0, 0, 0, 0]);
});

/** Makes rows of random numbers, each as large as one of `sizes`: so that squares overflow in some rows, and underflow or are 0 in others. */
function rowsOfSizes(n: number, p: number, sizes: readonly number[], seed: number): Float32Array {
  const next = uniformFrom(seed);
  return fill(batch * n * p, (at) => sizes[Math.floor(at / p) % sizes.length]! * (2 * next() - 1));
}

// With 200 rows of each entry a device in software computes one row in each thread, and otherwise several threads share a row.
test.each([
  [19, 1],
  [19, 5],
  [19, 70],
  [19, 300],
  [200, 12],
])("%i rows of %i columns normalised, and the gradient", async (n, p) => {
  const shape = [batch, n, p] as const;
  const x = rowsOfSizes(n, p, [1, 1e-3, 1e30, 1e-25, 0], 3);
  const cotangent = rowsOfSizes(n, p, [1, 1, 1e30, 1e-20], 4);
  for (const eps of [1e-6, 1e-12, 4]) {
    const given = { size: 1, eps: Math.fround(Math.sqrt(eps)) ** 2, activation: "none" as const };
    const want = entries.map((entry) =>
      normOf({ ...given, x: rowsOf(x, shape, entry) }, rowsOf(cotangent, shape, entry)),
    );
    for (const on of device.both) {
      const [y, out] = [device.poison(on, ...shape), device.poison(on, ...shape)];
      const inputs = { batch, n, p, eps, x: device.put(on, x, shape) };
      on.kernels.normalizeRows!({ ...inputs, out: y });
      on.kernels.normalizeRows!({ ...inputs, cotangent: device.put(on, cotangent, shape), out });
      expect(
        worst(
          await on.read(y),
          want.map((of) => of.y),
        ),
      ).toBeLessThanOrEqual(LIMIT);
      expect(
        worst(
          await on.read(out),
          want.map((of) => of.x),
        ),
      ).toBeLessThanOrEqual(LIMIT);
    }
  }
});

test.each([
  ["silu", 40, true, true],
  ["sigmoid", 40, true, true],
  ["silu", 7, true, false],
  ["silu", 129, false, true],
] as const)("gated norm, %s, %i columns, gate: %s, weight: %s", async (activation, p, gated, weighted) => {
  const n = 13;
  const shape = [batch, n, p] as const;
  const next = uniformFrom(5);
  const x = rowsOfSizes(n, p, [1, 30, 1e-4, 1e25, 0], 6);
  const cotangent = rowsOfSizes(n, p, [1, 1e-3], 7);
  const z = fill(batch * n * p, (at) => [0, -80, 80, 1e36, -1e36][at % 40] ?? 12 * next() - 6);
  // A gate of 1e36 makes the bound of every element of its row as large, so the gradient of x is judged where there is no such gate.
  const mild = z.map((value) => (Math.abs(value) > 100 ? 1 : value));
  const weight = fill(batch * p, () => 1 + next());
  const eps = 1e-5;
  for (const [gates, names] of [
    [z, ["y", "gate", "weight"]],
    [mild, ["y", "x", "gate", "weight"]],
  ] as const) {
    const given = { size: Math.sqrt(p), eps, activation: (gated ? activation : "none") as Activation };
    const want = entries.map((entry) =>
      normOf(
        {
          ...given,
          x: rowsOf(x, shape, entry),
          gate: gated ? rowsOf(gates, shape, entry) : undefined,
          weight: weighted ? rowsOf(weight, [batch, 1, p], entry)[0]! : undefined,
        },
        rowsOf(cotangent, shape, entry),
      ),
    );
    for (const on of device.both) {
      const inputs = {
        ...{ batch, n, p, eps, activation },
        x: device.put(on, x, shape),
        gate: gated ? device.put(on, gates, shape) : undefined,
        weight: weighted ? device.put(on, weight, [batch, 1, p]) : undefined,
      };
      const out = device.poison(on, ...shape);
      on.kernels.gatedNorm!({ ...inputs, out });
      const results = {
        y: out,
        x: device.poison(on, ...shape),
        gate: gated ? device.poison(on, ...shape) : undefined,
        weight: weighted ? device.poison(on, ...shape) : undefined,
      };
      const gradients = { x: results.x, gate: results.gate, weightTerms: results.weight };
      on.kernels.gatedNorm!({ ...inputs, cotangent: device.put(on, cotangent, shape), gradients });
      for (const name of names.filter((one) => results[one])) {
        const got = await on.read(results[name]!);
        const limited = worst(
          got,
          want.map((of) => of[name]),
        );
        expect(limited, name).toBeLessThanOrEqual(LIMIT);
      }
    }
  }
});
