import { describe, expect, test } from "vitest";
import {
  applyVjp,
  dense,
  omega,
  omegaApply,
  omegaInverse,
  omegaState,
  recurrent,
  solveVjp,
  type ReferenceOperator,
} from "../../src/reference/index.js";
import { exp } from "../../src/reference/double-double-exp.js";
import { centralDifferences, EPSILON, general, inverses, LIMIT, maxAbs, minus, ways } from "./problems.js";
import { Random } from "../../../../tooling/random.mjs";

/**
 * Gaps g as the gates of models make them, and those on which implementations break: none at all, tiny ones, strong
 * ones, resets, and a mixture.
 */
const gates: Record<string, (random: Random) => number> = {
  typical: (random) => -Math.log1p(Math.exp(random.normal())) * random.uniform(0, 1),
  "U[-20, 0]": (random) => random.uniform(-20, 0),
  "-1e-8": () => -1e-8,
  "0 or -20": (random) => -20 * random.integer(0, 1),
  resets: (random) => (random.uniform() < 0.2 ? -Infinity : random.uniform(-0.5, 0)),
  "-800": () => -800,
};

function withDecay(random: Random, op: ReferenceOperator, gate: string, channels: number): ReferenceOperator {
  return { ...op, decay: Float64Array.from({ length: op.n * channels }, () => gates[gate]!(random)) };
}

const kinds = Object.keys(gates).flatMap((gate) => [
  { gate, per: "row" },
  { gate, per: "channel" },
]);

describe.each(kinds)("decay $gate, one number a $per", ({ gate, per }) => {
  const random = new Random(gate.length);
  const sizes = [
    [1, 1, 1],
    [17, 3, 2],
    [40, 5, 3],
  ] as const;
  const problems = sizes.map(([n, r, p]) => ({
    op: withDecay(random, general(random, n, r), gate, per === "row" ? 1 : r),
    p,
    b: random.normals(n * p),
    state: random.normals(r * p),
  }));

  test.each(ways)("%s keeps ω ≤ 16 ε, with states and transposed", (_, { solve, apply }) => {
    for (const { op, p, b, state: z } of problems) {
      for (const trans of [false, true]) {
        for (const state of [undefined, z]) {
          const options = { trans, initialState: state, alpha: -0.5 };
          const at = JSON.stringify({ n: op.n, trans, state: state !== undefined });
          const solved = solve(op, b, p, options);
          expect(omega(op, solved.y, b, p, options), at).toBeLessThanOrEqual(LIMIT);
          const carried = { trans, initialState: state, xScale: -0.5 };
          expect(omegaState(op, solved.finalState, solved.y, p, carried), at).toBeLessThanOrEqual(LIMIT);
          const applied = apply(op, b, p, options);
          expect(omegaApply(op, applied.y, b, p, options), at).toBeLessThanOrEqual(LIMIT);
          expect(omegaState(op, applied.finalState, b, p, options), at).toBeLessThanOrEqual(LIMIT);
        }
      }
    }
  });

  test.each(inverses)("inverse, %s", (_, inverse) => {
    for (const { op } of problems) expect(omegaInverse(op, inverse(op))).toBeLessThanOrEqual(LIMIT);
  });

  test("a cut anywhere chains through the state, forward and transposed", () => {
    const { op, p, b, state } = problems[1]!;
    for (const trans of [false, true]) {
      const whole = recurrent.solve(op, b, p, { trans, initialState: state });
      for (const at of [0, 1, 9, 16, 17]) {
        const pieces = [
          [0, at],
          [at, op.n],
        ] as const;
        let z: Float64Array = state;
        const y = new Float64Array(b.length);
        for (const [start, end] of trans ? [...pieces].reverse() : pieces) {
          const channels = op.decay!.length / op.n;
          const part: ReferenceOperator = {
            n: end - start,
            r: op.r,
            diag: op.diag!.subarray(start, end),
            q: op.q.subarray(start * op.r, end * op.r),
            k: op.k.subarray(start * op.r, end * op.r),
            decay: op.decay!.subarray(start * channels, end * channels),
          };
          const one = recurrent.solve(part, b.subarray(start * p, end * p), p, { trans, initialState: z });
          y.set(one.y, start * p);
          z = one.finalState;
        }
        expect(y).toEqual(whole.y);
        expect(z).toEqual(whole.finalState);
      }
    }
  });
});

const numeric = (x: Float64Array, loss: (x: Float64Array) => number): Float64Array =>
  centralDifferences(x, loss, 2 ** -9);

describe.each(["row", "channel"])("gradients with decay a %s, against central differences", (per) => {
  const random = new Random(7);
  const [n, r, p] = [6, 3, 2];
  const op = withDecay(random, general(random, n, r), "typical", per === "row" ? 1 : r);
  const [b, cotangent] = [random.normals(n * p), random.normals(n * p)];
  const [z0, zBar] = [random.normals(r * p), random.normals(r * p)];
  for (const verb of ["solve", "apply"] as const) {
    for (const trans of [false, true]) {
      test(`${verb}${trans ? ", transposed" : ""}`, () => {
        const options = { trans, alpha: -0.7, initialState: z0 };
        const loss = (on: ReferenceOperator, rhs = b, state = z0): number => {
          const { y, finalState: zf } = dense[verb](on, rhs, p, { ...options, initialState: state });
          return (
            y.reduce((sum, value, at) => sum + value * cotangent[at]!, 0) +
            zf.reduce((sum, value, at) => sum + value * zBar[at]!, 0)
          );
        };
        const vjp = verb === "solve" ? solveVjp : applyVjp;
        const got = vjp(op, b, p, cotangent, { ...options, finalStateCotangent: zBar }) as unknown as Record<
          string,
          Float64Array
        >;
        const want: Record<string, Float64Array> = {
          diag: numeric(op.diag!, (x) => loss({ ...op, diag: x })),
          q: numeric(op.q, (x) => loss({ ...op, q: x })),
          k: numeric(op.k, (x) => loss({ ...op, k: x })),
          decay: numeric(op.decay!, (x) => loss({ ...op, decay: x })),
          initialState: numeric(z0, (x) => loss(op, b, x)),
          [verb === "solve" ? "b" : "x"]: numeric(b, (x) => loss(op, x)),
        };
        for (const [name, wanted] of Object.entries(want)) {
          const off = maxAbs(minus(got[name]!, wanted));
          expect(off, name).toBeLessThanOrEqual(1e-8 * (1 + maxAbs(wanted)));
        }
      });
    }
  }
});

test("through a reset nothing passes, and the gradient of its gap is 0", () => {
  const op: ReferenceOperator = {
    n: 3,
    r: 1,
    diag: Float64Array.of(1, 1, 1),
    q: Float64Array.of(1, 1, 1),
    k: Float64Array.of(1, 1, 1),
    decay: Float64Array.of(0, -Infinity, 0),
  };
  expect(dense.materialize(op)).toEqual(Float64Array.of(1, 0, 0, 0, 1, 0, 0, 1, 1));
  const { decay } = solveVjp(op, Float64Array.of(1, 2, 3), 1, Float64Array.of(1, 1, 1));
  expect(decay![1]).toBe(0);
});

test("the judge sees one gap too late, and a gap lost at a chunk's edge", () => {
  const random = new Random(11);
  const op = withDecay(random, general(random, 64, 4), "typical", 1);
  const b = random.normals(64 * 2);
  const late = { ...op, decay: Float64Array.of(0, ...op.decay!.subarray(0, 63)) };
  const lost = { ...op, decay: op.decay!.map((g, i) => (i === 16 ? 0 : g)) };
  for (const wrong of [late, lost]) {
    expect(omega(op, recurrent.solve(wrong, b, 2).y, b, 2)).toBeGreaterThan(1e6 * EPSILON);
  }
});

test("slow decay over 65,536 rows of constant data is right, and seen where it is left out", () => {
  const n = 65536;
  const op: ReferenceOperator = {
    n,
    r: 1,
    q: new Float64Array(n).fill(1),
    k: new Float64Array(n).fill(1),
    decay: new Float64Array(n).fill(-1e-8),
  };
  const x = new Float64Array(n).fill(0.7);
  // The truth is Σ_{t=1..i} e^{−t·1e-8}, in a closed form that adds nothing up and cancels nothing.
  const g = -1e-8;
  const truth = (i: number): number => (0.7 * Math.exp(g) * Math.expm1(g * i)) / Math.expm1(g);
  const y = Float64Array.from({ length: n }, (_, i) => truth(i));
  expect(omegaApply(op, y, x, 1)).toBeLessThanOrEqual(LIMIT);
  const without = recurrent.apply({ ...op, decay: undefined }, x, 1).y;
  expect(omegaApply(op, without, x, 1)).toBeGreaterThan(1e9 * EPSILON);
});

test("e^g in double-double: hi + lo has 30 digits", () => {
  // The truth comes from the definition: e^g = Σ g^m / m! is summed in integers, with 400 bits after the point.
  const bits = 400n;
  const one = 1n << bits;
  const truth = (g: number): bigint => {
    const scaled = BigInt(Math.round(g * 2 ** 40)) * (one >> 40n);
    let [sum, term] = [0n, one];
    for (let m = 1n; term !== 0n; m++) {
      sum += term;
      term = (term * scaled) / (one * m);
    }
    return sum;
  };
  const asInteger = (x: number): bigint => {
    let exponent = 0;
    while (!Number.isInteger(x)) {
      x *= 2;
      exponent++;
    }
    return (BigInt(x) * one) >> BigInt(exponent);
  };
  for (const g of [0, -(2 ** -30), -0.125, -0.34375, -0.3515625, -0.5, -1, -3.25, -17.5, -40.0625]) {
    const [hi, lo] = exp(g);
    const want = truth(g);
    const off = asInteger(hi) + asInteger(lo) - want;
    expect(Number((off < 0n ? -off : off) << 100n) / Number(want), String(g)).toBeLessThan(1);
  }
  expect(exp(-Infinity)).toEqual([0, 0]);
  expect(exp(NaN)[0]).toBeNaN();
});
