import { UnsupportedError, type Dtype } from "@dlrt/core";
import { describe, expect, it } from "vitest";
import {
  deltaErrors,
  deltaProblem,
  deltaResults,
  keeping,
  ownKernels,
  within,
  type DeltaProblem,
} from "./delta.js";
import { firstDifference, tensor } from "./problems.js";

const limits = { f32: 1e-6, f64: 2e-14 } as const;
const dtypes = ["f32", "f64"] as const;

function expectSmall(problem: DeltaProblem, dtype: Dtype, factor = 1, kernels = ownKernels): void {
  const errors = deltaErrors(problem, dtype, kernels);
  for (const [name, error] of Object.entries(errors)) {
    const what = `${name}, ${JSON.stringify(problem)}, ${dtype}`;
    expect(error, what).toBeLessThanOrEqual(factor * limits[dtype]);
  }
}

const decays = [undefined, "row", "channel"] as const;
const gates = ["beta", "two", "columns"] as const;

const kinds = decays.flatMap((decay) => gates.map((gate) => ({ decay, gates: gate, eraseKey: false })));
const early = kinds.filter(({ decay }) => decay !== "channel").map((kind) => ({ ...kind, eraseKey: true }));

describe.each([...kinds, ...early])(
  "decay $decay, gates $gates, with an erase key of its own or without: $eraseKey",
  (kind) => {
    it.each(dtypes)("rows and states of many sizes, %s", (dtype) => {
      for (const n of [1, 2, 4, 7, 12, 13, 23, 24, 25, 40])
        for (const [r, p] of [
          [1, 1],
          [5, 3],
          [8, 12],
          [13, 6],
        ] as const)
          for (const states of [true, false]) expectSmall({ ...kind, sizes: [2, n, r, p], states }, dtype);
    });

    it.each(dtypes)("normalised rows, any chunk, %s", (dtype) => {
      for (const chunk of [undefined, 1, 5, 16, 24, 100])
        for (const n of [1, 37]) expectSmall({ ...kind, sizes: [1, n, 20, 9], eps: 1e-3, chunk }, dtype);
    });

    it.each(dtypes)("the same where states are computed again from those kept, %s", (dtype) => {
      const problem: DeltaProblem = { ...kind, sizes: [2, 150, 10, 7] };
      for (const bytes of [0, 2 ** 14]) expectSmall(problem, dtype, 1, within(bytes));
    });

    it.each(dtypes)("the same from what the forward has kept, %s", (dtype) => {
      for (const [n, r, p] of [
        [1, 5, 3],
        [13, 8, 12],
        [37, 20, 9],
      ] as const)
        expectSmall({ ...kind, sizes: [2, n, r, p], eps: 1e-3 }, dtype, 1, keeping());
      const problem: DeltaProblem = { ...kind, sizes: [2, 150, 10, 7] };
      for (const bytes of [0, 2 ** 14]) expectSmall(problem, dtype, 1, keeping(bytes));
    });

    it("nothing but the state passes where there are no rows", () => {
      const problem = deltaProblem({ ...kind, sizes: [2, 0, 3, 4] }, "f32");
      const results = deltaResults(ownKernels, problem);
      expect(results["finalState"]!.data).toEqual(problem.inputs.initialState!.data);
      expect(results["initialState gradient"]!.data).toEqual(problem.cotangents.finalStateCotangent!.data);
    });

    it("gradients are 0 where a key or a value has no elements", () => {
      for (const [r, p] of [
        [0, 4],
        [4, 0],
      ] as const) {
        const results = deltaResults(ownKernels, deltaProblem({ ...kind, sizes: [2, 9, r, p] }, "f32"));
        for (const [name, t] of Object.entries(results))
          expect(
            t.data.every((x) => x === 0),
            name,
          ).toBe(true);
      }
    });

    it("NaN or Inf in a row leaves the output of the rows before as it is", () => {
      const problem: DeltaProblem = { ...kind, sizes: [1, 30, 6, 5] };
      const before = deltaResults(ownKernels, deltaProblem(problem, "f32"))["out"]!;
      const { inputs } = deltaProblem(problem, "f32");
      for (const name of Object.keys(inputs) as (keyof typeof inputs)[]) {
        if (name === "initialState") continue;
        for (const row of [1, 11, 12, 17, 29]) {
          for (const bad of [NaN, Infinity]) {
            const spoilt = deltaProblem(problem, "f32");
            const t = spoilt.inputs[name]!;
            t.data.fill(bad, row * t.shape[2], (row + 1) * t.shape[2]);
            const after = deltaResults(ownKernels, spoilt)["out"]!;
            expect(firstDifference(after.data, before.data, 0, row * 5), `${name} ${row}`).toBe(-1);
            if (Number.isNaN(bad)) expect(after.data.subarray(row * 5).some(Number.isNaN)).toBe(true);
          }
        }
      }
    });
  },
);

it.each(decays)("more columns than a panel, a rank of several panels, decay %s", (decay) => {
  for (const dtype of dtypes) {
    const gate = dtype === "f32" ? "beta" : "columns";
    const wide: DeltaProblem = { decay, gates: gate, sizes: [1, 5, 200, 700], chunk: 4 };
    for (const kernels of [ownKernels, keeping()]) expectSmall(wide, dtype, 4, kernels);
    expectSmall({ decay, sizes: [1, 6, 1030, 3], eps: 1e-3, chunk: 4 }, dtype, 4);
    expectSmall({ decay, gates: "columns", sizes: [1, 6, 1030, 3], chunk: 4 }, dtype, 4);
    expectSmall({ decay, sizes: [1, 1, 1030, 3] }, dtype, 4);
    const deep: DeltaProblem = { decay, sizes: [1, 10, 1030, 3], chunk: 4 };
    for (const kernels of [within(0), keeping(0)]) expectSmall(deep, dtype, 4, kernels);
    if (decay === "channel") continue;
    const own = { decay, eraseKey: true, chunk: 4 };
    expectSmall({ ...own, sizes: [1, 5, 200, 700] }, dtype, 4);
    expectSmall({ ...own, sizes: [1, 6, 1030, 3], eps: 1e-3 }, dtype, 4);
    expectSmall({ ...own, sizes: [1, 6, 1030, 3], gates: "columns" }, dtype, 4);
    const ownDeep: DeltaProblem = { ...own, sizes: [1, 10, 1030, 3] };
    for (const kernels of [within(0), keeping(0)]) expectSmall(ownDeep, dtype, 4, kernels);
  }
});

const constant = (x: number) => () => x;
const r = 8;
const hard: Readonly<Record<string, DeltaProblem>> = {
  "identical keys, β = 2": {
    sizes: [1, 90, r, 5],
    data: { key: constant(Math.sqrt(1 / r)), erase: constant(2) },
  },
  growth: { sizes: [1, 60, r, 5], data: { key: constant(Math.sqrt(1 / r)), erase: constant(2.5) } },
  "no β": { sizes: [1, 30, r, 5], data: { erase: constant(0) } },
  "keys of zeros": { sizes: [1, 30, r, 5], eps: 1e-6, data: { key: constant(0), query: constant(0) } },
  resets: { sizes: [1, 60, r, 5], decay: "row", data: { decay: (at) => (at % 7 === 3 ? -Infinity : 0) } },
  "resets of channels": {
    sizes: [1, 60, r, 5],
    decay: "channel",
    data: { decay: (at) => (at % 11 === 3 ? -Infinity : at % 5 === 1 ? -100 : -1e-8) },
  },
  "strong decay": { sizes: [1, 60, r, 5], decay: "row", data: { decay: constant(-20) } },
  "resets, an own erase key": {
    eraseKey: true,
    sizes: [1, 60, r, 5],
    decay: "row",
    data: { decay: (at) => (at % 7 === 3 || at === 0 || at === 12 ? -Infinity : at % 5 === 1 ? -1e-8 : -1) },
  },
  "nothing but resets, an own erase key": {
    eraseKey: true,
    sizes: [1, 30, r, 5],
    decay: "row",
    data: { decay: constant(-Infinity) },
  },
  "strong decay, an own erase key": {
    eraseKey: true,
    sizes: [1, 60, r, 5],
    decay: "row",
    data: { decay: (at) => (at % 3 === 0 ? -300 : -20) },
  },
  "zeros for an own erase key": {
    eraseKey: true,
    sizes: [1, 30, r, 5],
    eps: 1e-6,
    decay: "row",
    data: { eraseKey: constant(0) },
  },
  "strong decay of channels": {
    sizes: [1, 60, r, 5],
    decay: "channel",
    data: { decay: (at) => -3 * (at % 8) },
  },
};

it.each(Object.entries(hard))("hard data: %s", (_, problem) => {
  for (const dtype of dtypes) expectSmall(problem, dtype, 2);
});

it.each([
  ["row", false],
  ["row", true],
  ["channel", false],
] as const)("decay by e^−1e-8 a row over 65,536 rows, per %s, an own erase key: %s", (decay, eraseKey) => {
  const data = {
    decay: constant(-1e-8),
    key: constant(0.1),
    eraseKey: constant(0.1),
    erase: constant(1e-6),
    value: constant(1),
    query: constant(1),
  };
  const problem: DeltaProblem = { sizes: [1, 65_536, 2, 1], decay, eraseKey, data };
  expectSmall(problem, "f32");
  // In float64, a thousand times more is allowed: that is what the recurrence that this is measured against loses itself in so many steps.
  if (decay === "row") expectSmall(problem, "f64", 1e3);
});

it("a state is updated where it is", () => {
  for (const [n, eraseKey] of [1, 30].flatMap((n) => [false, true].map((own) => [n, own] as const))) {
    const problem = deltaProblem({ sizes: [2, n, 6, 5], decay: "row", eraseKey }, "f32");
    const { finalState, out } = deltaResults(ownKernels, problem);
    const state = problem.inputs.initialState!;
    const again = tensor(out!.shape, "f32");
    ownKernels.deltaRule({ ...problem.call, out: again, finalState: state });
    expect(again.data).toEqual(out!.data);
    expect(state.data).toEqual(finalState!.data);
  }
});

it("rows are normalised whose squares overflow", () => {
  for (const n of [1, 14]) {
    const problemOf = (power: number): DeltaProblem => ({
      sizes: [1, n, 8, 5],
      eps: 1e-6,
      data: { key: (at) => Math.sin(at + 1) * 2 ** power, query: (at) => Math.cos(at) * 2 ** power },
    });
    const large = deltaResults(ownKernels, deltaProblem(problemOf(600), "f64"));
    const small = deltaResults(ownKernels, deltaProblem(problemOf(300), "f64"));
    for (const name of ["out", "finalState", "value gradient", "erase gradient"]) {
      large[name]!.data.forEach((x, at) => expect(x).toBeCloseTo(small[name]!.data[at]!, 12));
    }
  }
});

it("an erase key of its own does not go with a decay by channels", () => {
  const { call, inputs, cotangents } = deltaProblem({ sizes: [1, 5, 3, 2], decay: "channel" }, "f32");
  const eraseKey = inputs.key;
  const out = tensor([1, 5, 2], "f32");
  const refused = new UnsupportedError("decay", "one number a row beside an erase key", "3 a row");
  expect(() => ownKernels.deltaRule({ ...call, eraseKey, out })).toThrow(refused);
  const gradients = { value: tensor([1, 5, 2], "f32") };
  expect(() => ownKernels.deltaRuleVjp({ ...call, ...cotangents, eraseKey, gradients })).toThrow(refused);
});
