import { apply, inverse, solve, unitRoundoff, type Dtype, type HostTensor, type Shape } from "@dlrt/core";
import {
  gate,
  omega,
  omegaApply,
  omegaInverse,
  omegaState,
  type ReferenceOperator,
} from "@dlrt/core/reference";
import { describe, expect, it } from "vitest";
import { createJsBackend } from "../src/index.js";
import { constant, equal, oneSided, repeated, tinyRows, values, type Family } from "./families.js";
import { gates, type Gate } from "./gates.js";

const backend = createJsBackend();
const dtypes: Dtype[] = ["f32", "f64"];
const one = (): number => 1;

function upload(dtype: Dtype, data: Float64Array, rows: number): HostTensor {
  const shape: Shape = [1, rows, data.length / rows];
  return backend.upload({ data: dtype === "f32" ? Float32Array.from(data) : data, shape });
}

const wide = (t: HostTensor): Float64Array => Float64Array.from(t.data);

/** Makes a family's data with a decay, as tensors of the backend and as arrays for the reference. */
function make({ n, r, p, ...family }: Family, dtype: Dtype, decay: Gate, kind: "row" | "channel") {
  const exact: ReferenceOperator = {
    n,
    r,
    diag: values(dtype, n, 1, family.diag),
    q: values(dtype, n, r, family.q),
    k: values(dtype, n, r, family.k),
    decay: values(dtype, n, kind === "row" ? 1 : r, decay.make()),
  };
  const x = values(dtype, n, p, family.x);
  const z = values(dtype, r, p, (m, j) => 1 / (m + j + 3));
  const op = {
    diag: upload(dtype, exact.diag!, n),
    q: upload(dtype, exact.q, n),
    k: upload(dtype, exact.k, n),
    decay: upload(dtype, exact.decay!, n),
  };
  return { op, exact, x, z, b: upload(dtype, x, n), initialState: upload(dtype, z, r) };
}

const families: Family[] = [
  constant([300, 1, 1], one),
  constant([150, 5, 2]),
  equal([70, 64, 2]),
  oneSided([150, 20, 3]),
  repeated([130, 4, 9]),
  tinyRows([150, 3, 2]),
];

describe.each(dtypes)("%s", (dtype) => {
  const epsilon = unitRoundoff[dtype];

  function expectWithinGate(
    family: Family,
    decay: Gate,
    kind: "row" | "channel",
    variants: readonly Variant[],
  ): void {
    const { n, r, p } = family;
    const limit = gate(r, family.adversarial) * epsilon;
    const { op, exact, x, z, b, initialState } = make(family, dtype, decay, kind);
    for (const { trans, chunk, states } of variants) {
      const finalState = backend.empty([1, r, p], dtype);
      const options = { trans, chunk, finalState, ...(states && { initialState }) };
      const judged = { trans, initialState: states ? z : undefined, dtype };
      const says = `${family.name}, ${decay.name} per ${kind}, trans ${trans}, chunk ${chunk}, n ${n}`;
      const product = wide(apply(backend, op, b, options));
      expect(omegaApply(exact, product, x, p, judged), says).toBeLessThanOrEqual(limit);
      expect(omegaState(exact, wide(finalState), x, p, judged), says).toBeLessThanOrEqual(limit);
      const y = wide(solve(backend, op, b, options));
      expect(omega(exact, y, x, p, judged), says).toBeLessThanOrEqual(limit);
      expect(omegaState(exact, wide(finalState), y, p, judged), says).toBeLessThanOrEqual(limit);
    }
  }

  describe.each(["row", "channel"] as const)("one number a row, or also a %s", (kind) => {
    it.each(gates.map((decay) => [decay.name, decay] as const))("%s", (_, decay) => {
      for (const family of families) expectWithinGate(family, decay, kind, variants);
    });

    it("slow decay over 65,536 rows of constant data", () => {
      const slow = gates.find(({ name }) => name.startsWith("slow"))!;
      const family = constant([65_536, kind === "row" ? 1 : 2, 1], one);
      expectWithinGate(family, slow, kind, [
        { trans: false, states: true },
        { trans: true, chunk: 16 },
      ]);
    });

    it("a rank beyond what the scratch holds, and columns beyond", () => {
      for (const size of [
        [40, 1030, 2],
        [34, 3, 2100],
      ] as const) {
        expectWithinGate(oneSided(size), gates[0]!, kind, variants.slice(0, 2));
      }
    });

    it("inverse", () => {
      for (const decay of gates) {
        for (const size of [
          [70, 5, 1],
          [150, 2, 1],
          [40, 70, 1],
        ] as const) {
          const family = oneSided(size);
          const { op, exact } = make(family, dtype, decay, kind);
          for (const chunk of [undefined, 3, 32]) {
            const error = omegaInverse(exact, wide(inverse(backend, op, { chunk })), { dtype });
            expect(error, decay.name).toBeLessThanOrEqual(gate(family.r) * epsilon);
          }
        }
      }
    });

    it("growth, g > 0, is computed as such", () => {
      const growth: Gate = { name: "growth", make: () => (i, m) => ((i + m) % 3) / 8 };
      expectWithinGate(oneSided([60, 4, 3]), growth, kind, variants);
      const much: Gate = { name: "much", make: () => (i) => (i < 2 ? 0 : 800) };
      const { op, b } = make(constant([6, 2, 1], one), dtype, much, kind);
      const y = apply(backend, op, b).data;
      expect([...y.subarray(0, 2)].every(Number.isFinite)).toBe(true);
      expect(y.subarray(2).some(Number.isFinite)).toBe(false);
    });
  });
});

interface Variant {
  readonly trans: boolean;
  readonly chunk?: number;
  readonly states?: boolean;
}

const variants: readonly Variant[] = [
  { trans: false, states: true },
  { trans: true, chunk: 16, states: true },
  { trans: false, chunk: 32 },
  { trans: true, chunk: 5 },
];
