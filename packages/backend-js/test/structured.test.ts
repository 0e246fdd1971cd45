import {
  apply,
  applyVjp,
  inverse,
  solve,
  solveVjp,
  trilInverse,
  unitRoundoff,
  type Dtype,
  type FloatArray,
  type HostTensor,
  type Shape,
} from "@dlrt/core";
import {
  BLOCK_GATE,
  gate,
  omega,
  omegaApply,
  omegaInverse,
  omegaRowDot,
  omegaState,
  omegaTrilInverse,
} from "@dlrt/core/reference";
import { describe, expect, it } from "vitest";
import { createJsBackend } from "../src/index.js";
import {
  constant,
  equal,
  oneSided,
  repeated,
  tinyGroups,
  tinyProducts,
  tinyRows,
  values,
  type Family,
} from "./families.js";

const backend = createJsBackend();
const one = (): number => 1;
const wide = (data: FloatArray): Float64Array => Float64Array.from(data);

function upload(dtype: Dtype, shape: Shape, data: Float64Array): HostTensor {
  return backend.upload({ data: dtype === "f32" ? Float32Array.from(data) : data, shape });
}

/** Makes a family's data, as tensors of the backend and as arrays for the reference. */
function make(family: Family, dtype: Dtype) {
  const { n, r, p } = family;
  const diag = values(dtype, n, 1, family.diag);
  const q = values(dtype, n, r, family.q);
  const k = values(dtype, n, r, family.k);
  const x = values(dtype, n, p, family.x);
  const op = {
    diag: upload(dtype, [1, n, 1], diag),
    q: upload(dtype, [1, n, r], q),
    k: upload(dtype, [1, n, r], k),
  };
  return { op, x: upload(dtype, [1, n, p], x), reference: { n, r, diag, q, k }, exactX: x };
}

const dtypes: Dtype[] = ["f32", "f64"];

const at = (family: Family): string => family.name;

/** Lists families that the reference judges within seconds. It takes 65,536 rows to show what a compensated state is for. */
const families: Family[] = [
  ...[1000, 4096, 65_536].map((n) => constant([n, 1, 1], one)),
  constant([700, 3, 5]),
  constant([300, 64, 5]),
  ...[20, 64, 128, 512, 1030].map((r) => equal([60, r, 3])),
  ...[512, 1024].map((r) => equal([2, r, 1])),
  equal([256, 128, 2]),
  equal([900, 20, 2]),
  oneSided([2000, 4, 3]),
  oneSided([150, 200, 3]),
  repeated([2000, 4, 3]),
  repeated([200, 64, 9]),
  ...[20, 64, 128, 512, 1030].map((r) => tinyProducts([2, r, 1])),
  tinyProducts([70, 128, 3]),
  tinyRows([64, 1, 17]),
  tinyRows([1000, 3, 2]),
  tinyRows([200, 128, 2]),
  ...[4, 6, 8, 64].flatMap((group) => [tinyGroups([40, 128, 2], group), tinyGroups([300, 3, 2], group)]),
];

describe.each(dtypes)("%s, apply and solve", (dtype) => {
  const epsilon = unitRoundoff[dtype];

  describe.each(families.map((family) => [at(family), family] as const))("%s", (_, family) => {
    const { r, p } = family;
    const limit = gate(r, family.adversarial) * epsilon;
    const { op, x, reference, exactX } = make(family, dtype);
    const state = upload(
      dtype,
      [1, r, p],
      values(dtype, r, p, (m, j) => 1 / (m + j + 3)),
    );
    const finalState = backend.empty([1, r, p], dtype);

    it.each([
      { trans: false },
      { trans: true, chunk: 32 },
      { trans: false, chunk: 64, initialState: state, finalState },
      { trans: true, initialState: state, finalState },
    ])("variant %#", (options) => {
      const judge = { trans: options.trans, initialState: options.initialState && wide(state.data), dtype };
      const z = (solution: Float64Array): number =>
        options.initialState ? omegaState(reference, wide(finalState.data), solution, p, judge) : 0;
      const product = wide(apply(backend, op, x, options).data);
      expect(omegaApply(reference, product, exactX, p, judge)).toBeLessThanOrEqual(limit);
      expect(z(exactX)).toBeLessThanOrEqual(limit);
      const y = wide(solve(backend, op, x, options).data);
      expect(omega(reference, y, exactX, p, judge)).toBeLessThanOrEqual(limit);
      expect(z(y)).toBeLessThanOrEqual(limit);
    });
  });
});

// This allows 32 ε: without compensation 3000 rows lose 92 ε, which is below the 137 ε that are allowed for r = 1100.
it("the state's compensation goes with it through the panels of a great rank", () => {
  const { op, x, reference, exactX } = make(constant([3000, 1100, 1], one), "f64");
  const y = wide(apply(backend, op, x).data);
  expect(omegaApply(reference, y, exactX, 1)).toBeLessThanOrEqual(32 * unitRoundoff.f64);
});

describe.each(dtypes)("%s, inverse", (dtype) => {
  it.each(
    [
      constant([400, 1, 1], one),
      constant([300, 5, 1]),
      equal([200, 512, 1]),
      equal([300, 20, 1]),
      equal([300, 128, 1]),
      oneSided([400, 4, 1]),
      repeated([300, 4, 1]),
      tinyRows([300, 5, 1]),
      tinyProducts([100, 400, 1]),
      tinyGroups([300, 128, 1], 6),
    ].map((family) => [at(family), family] as const),
  )("%s", (_, family) => {
    const { op, reference } = make(family, dtype);
    for (const chunk of [undefined, 32]) {
      const error = omegaInverse(reference, wide(inverse(backend, op, { chunk }).data), { dtype });
      expect(error).toBeLessThanOrEqual(gate(family.r, family.adversarial) * unitRoundoff[dtype]);
    }
  });
});

describe.each(dtypes)("%s, trilInverse", (dtype) => {
  const epsilon = unitRoundoff[dtype];
  // In the last rows, a sum of products with x = 1 has one product of 1 and small ones after it.
  const last = (small: (j: number) => number) => (i: number, j: number, c: number) => {
    if (i < c - 3) return j === 0 ? -1 : 0;
    return j === 0 ? 1 : 0.98 * epsilon * small(j);
  };
  const kinds: [string, (i: number, j: number, c: number) => number][] = [
    ["equal entries", () => -0.1],
    ["equal entries of the other sign", () => 0.3],
    ["one product of 1 and tiny ones", last(() => 1)],
    ["tiny groups of 4", last(() => 1 / 4)],
    ["tiny groups of all sizes", last((j) => (j < 4 ? 1 : j < 32 ? 1 / 4 : 1 / 32))],
  ];

  it.each(kinds)("%s", (_, element) => {
    for (const c of [16, 63, 128]) {
      const block = (i: number, j: number): number => (i === j ? 1 : i > j ? element(i, j, c) : 0);
      const a = values(dtype, c, c, block);
      const x = wide(trilInverse(backend, upload(dtype, [1, c, c], a)).data);
      expect(omegaTrilInverse(a, x, c, { dtype })).toBeLessThanOrEqual(BLOCK_GATE * epsilon);
    }
  });
});

describe.each(dtypes)("%s, rowDot", (dtype) => {
  const epsilon = unitRoundoff[dtype];

  it.each([5, 63, 127, 128, 257, 1024, 5000])("p %i", (p) => {
    for (const part of [1, 1 / 2, 1 / 8, 1 / 64]) {
      const tiny = values(dtype, 1, p, (_, j) => (j === 0 ? 1 : 0.98 * epsilon * part));
      const equals = values(dtype, 1, p, () => 0.1);
      for (const [y, adversarial] of [
        [tiny, true],
        [equals, false],
      ] as const) {
        const x = adversarial ? new Float64Array(p).fill(1) : values(dtype, 1, p, () => 0.7);
        const out = backend.empty([1, 1, 1], dtype);
        const [a, b] = [upload(dtype, [1, 1, p], x), upload(dtype, [1, 1, p], y)];
        backend.kernels.rowDot({ batch: 1, n: 1, p, alpha: -2, x: a, y: b, out });
        expect(omegaRowDot(x, y, out.data, p, -2)).toBeLessThanOrEqual(gate(p, adversarial) * epsilon);
      }
    }
  });
});

it("f64, rowDot keeps the last bits of every element, whatever p mod 8", () => {
  for (let p = 1; p <= 24; p++) {
    const out = backend.empty([1, 1, 1], "f64");
    const x = upload("f64", [1, 1, p], new Float64Array(p).fill(1));
    const y = upload(
      "f64",
      [1, 1, p],
      Float64Array.from({ length: p }, (_, j) => (j === p - 1 ? 1 + 2 ** -50 : 0)),
    );
    backend.kernels.rowDot({ batch: 1, n: 1, p, alpha: 1, x, y, out });
    expect(out.data[0]).toBe(1 + 2 ** -50);
  }
});

describe.each(dtypes)("%s, gradients", (dtype) => {
  const gradients = [
    constant([65_536, 1, 1], one),
    oneSided([1500, 3, 2]),
    repeated([1500, 3, 2]),
    equal([60, 128, 1]),
  ];

  it.each(gradients.map((family) => [at(family), family] as const))("%s", (_, family) => {
    const { n, r, p } = family;
    const { op, x, reference, exactX } = make(family, dtype);
    const limit = (rank: number): number => gate(rank) * unitRoundoff[dtype];
    const { q, k } = reference;
    const cotangent = values(dtype, n, p, (i, j) => 0.3 + ((i + j) % 4) / 8);
    const y = solve(backend, op, x);
    const exactY = wide(y.data);

    // In equation (18) of the reference README, L = ȳ and R = x. By (20), Q̄ and K̄ are products with an operator of
    // rank p, so that ω measures them too.
    const ofApply = applyVjp(backend, op, x, upload(dtype, [1, n, p], cotangent));
    const outer = { n, r: p, q: cotangent, k: exactX };
    expect(
      omegaApply(reference, wide(ofApply.x.data), cotangent, p, { trans: true, dtype }),
    ).toBeLessThanOrEqual(limit(r));
    expect(omegaApply(outer, wide(ofApply.q.data), k, r, { dtype })).toBeLessThanOrEqual(limit(p));
    expect(omegaApply(outer, wide(ofApply.k.data), q, r, { trans: true, dtype })).toBeLessThanOrEqual(
      limit(p),
    );

    // In equation (17), B̄ solves the transposed system, L = −B̄ and R = y.
    const ofSolve = solveVjp(backend, op, y, upload(dtype, [1, n, p], cotangent));
    const b = wide(ofSolve.b.data);
    const solved = { n, r: p, q: b.map((value) => -value), k: exactY };
    expect(omega(reference, b, cotangent, p, { trans: true, dtype })).toBeLessThanOrEqual(limit(r));
    expect(omegaApply(solved, wide(ofSolve.q.data), k, r, { dtype })).toBeLessThanOrEqual(limit(p));
    expect(omegaApply(solved, wide(ofSolve.k.data), q, r, { trans: true, dtype })).toBeLessThanOrEqual(
      limit(p),
    );
  });
});
