/** Tests the measures themselves: a right answer is about 1 ε off, a wrong one far more than is allowed, and NaN never passes. */
import { newFloatArray } from "@dlrt/core";
import { BLOCK_GATE, gate, matrixOf, omegaApply, overBatch, recurrent } from "@dlrt/core/reference";
import { expect, test } from "vitest";
import {
  omegaOfApply,
  omegaOfInverse,
  omegaOfRowDot,
  omegaOfSolve,
  omegaOfTrilInverse,
} from "../src/backward-error.js";
import { gradientBounds } from "../src/gradient-bounds.js";
import { gradientNames, referenceGradients } from "../src/gradient-case.js";
import { differences } from "../src/gradient-differences.js";
import { gateNames } from "../src/gates.js";
import { gateKinds } from "../src/kinds.js";
import { familyNames, growing, makeProblem, type Problem } from "../src/problems.js";
import { createPlainBackend } from "../examples/plain-backend.js";
import { plainCall, run } from "../src/calls.js";
import { Random } from "../src/random.js";
import { Scope } from "../src/trial.js";
import { denseBlocks } from "../src/suites/tril-inverse.js";
import { exactInverse } from "../src/suites/exact-inverse.js";

const GATE = gate(1);
const sizes = { batch: 2, n: 130, r: 8, p: 3 };
const variant = { trans: false, alpha: 1, stateful: true };

function right(problem: Problem): { out: Float32Array; final: Float32Array } {
  const op = { ...problem.sizes, ...problem };
  const { y, finalState: state } = overBatch(recurrent.solve, op, problem.rhs, problem.sizes.p, {
    initialState: problem.state,
  });
  return { out: new Float32Array(y), final: new Float32Array(state) };
}

const calm = familyNames.filter((name) => !growing.has(name));

test.each(calm)(
  "%s: the float64 answer rounded to f32 is at ω ≈ 1, one dropped chunk far above the gate",
  (name) => {
    const problem = makeProblem(name, sizes, "f32", 3);
    const { out, final } = right(problem);
    const omega = omegaOfSolve(problem, variant, out, final);
    expect(omega).toBeGreaterThan(0.1);
    expect(omega).toBeLessThan(2);
    const k = problem.k.slice().fill(0, 64 * sizes.r, 80 * sizes.r); // so rows 64 to 79 never reach Z
    const dropped = right({ ...problem, k });
    // Of all data, constant rows miss the dropped rows least: each carries only a 130th of the state.
    const far = (name === "constant" ? 250 : 1000) * GATE;
    expect(omegaOfSolve(problem, variant, dropped.out)).toBeGreaterThan(far);
    expect(omegaOfSolve(problem, variant, out, dropped.final)).toBeGreaterThan(far);
  },
);

test.each([NaN, Infinity, -Infinity])("one %d never passes, wherever it is", (bad) => {
  const problem = makeProblem("delta-net", { batch: 2, n: 20, r: 3, p: 2 }, "f32", 5);
  const { out, final } = right(problem);
  for (let at = 0; at < out.length; at++) {
    const spoilt = out.slice();
    spoilt[at] = bad;
    expect(omegaOfSolve(problem, variant, spoilt) <= GATE).toBe(false);
    expect(omegaOfApply(problem, variant, spoilt) <= GATE).toBe(false);
  }
  const spoilt = final.slice();
  spoilt[final.length - 1] = bad;
  expect(omegaOfSolve(problem, variant, out, spoilt) <= GATE).toBe(false);
  const one = newFloatArray("f32", 1).fill(1);
  expect(omegaOfRowDot([one, one, one.map(() => bad)], 1, 1) <= GATE).toBe(false);
});

test("inverse and blocks: right below 1, a wrong element or a NaN not allowed, nothing above the diagonal", () => {
  const n = 40;
  const problem = makeProblem("general Λ", { batch: 1, n, r: 5, p: n }, "f32", 7);
  const x = new Float32Array(exactInverse(problem));
  const a = denseBlocks(problem);
  expect(omegaOfInverse(problem, x)).toBeLessThan(1);
  // A holds T's entries rounded to f32, so its inverse is not quite that of T.
  expect(omegaOfTrilInverse(a, x, 1, n)).toBeGreaterThan(0.1);
  for (const [at, value] of [
    [n * n - 1, NaN],
    [20 * n + 3, x[20 * n + 3]! * 1.001],
    [3, 1e-30],
  ] as const) {
    const spoilt = x.slice();
    spoilt[at] = value;
    expect(omegaOfInverse(problem, spoilt) <= GATE).toBe(false);
    expect(omegaOfTrilInverse(a, spoilt, 1, n) <= BLOCK_GATE).toBe(false);
  }
});

test("growth is judged up to where the true answer nears the end of the dtype, and no further", () => {
  const problem = makeProblem("growth", { batch: 1, n: 900, r: 4, p: 1 }, "f32", 2);
  const { out } = right({ ...problem });
  expect(out.some((value) => !Number.isFinite(value))).toBe(true);
  const plain = { ...variant, stateful: false };
  const { y } = overBatch(recurrent.solve, { ...problem.sizes, ...problem }, problem.rhs, 1);
  expect(omegaOfSolve(problem, plain, new Float32Array(y))).toBeLessThan(2);
  const spoilt = new Float32Array(y);
  spoilt[100] = spoilt[100]! * 1.01;
  expect(omegaOfSolve(problem, plain, spoilt)).toBeGreaterThan(GATE);
});

const variants = [
  { trans: false, alpha: 1 },
  { trans: true, alpha: -0.3 },
];

test.each(
  (["solve", "apply", "inverse"] as const).flatMap((verb) =>
    variants.flatMap((options) => [
      ...familyNames.map((name) => [verb, name, undefined, options] as const),
      ...gateNames.flatMap((gates) =>
        gateKinds.map((kind) => [verb, "general Λ", { name: gates, kind }, options] as const),
      ),
    ]),
  ),
)(
  "gradients of %s, %s, %o, %o: the dense reference and differences agree to float64's roundings",
  (verb, name, gates, options) => {
    const n = 9;
    const p = verb === "inverse" ? n : 2;
    const problem = makeProblem(name, { batch: 1, n, r: 3, p }, "f64", 11, gates);
    const f64 = (a: Problem["q"]): Float64Array => Float64Array.from(a);
    const other = makeProblem(name, { batch: 1, n, r: 3, p }, "f64", 12);
    const one = {
      verb,
      op: {
        ...{ n, r: 3, diag: f64(problem.diag), q: f64(problem.q), k: f64(problem.k) },
        ...(problem.decay && { decay: f64(problem.decay) }),
      },
      rhs:
        verb === "inverse"
          ? Float64Array.from({ length: n * n }, (_, at) => (at % (n + 1) === 0 ? 1 : 0))
          : f64(problem.rhs),
      p,
      cotangent: f64(other.rhs),
      options:
        verb === "inverse"
          ? {}
          : { ...options, state: f64(problem.state), finalStateCotangent: f64(other.state) },
    };
    const reference = referenceGradients(one);
    const bounds = gradientBounds(one);
    const { values, noise } = differences(one);
    for (const gradient of gradientNames) {
      values[gradient].forEach((value, at) => {
        const error = Math.abs(value - reference[gradient][at]!);
        expect(error).toBeLessThanOrEqual(4 * 2 ** -53 * (noise[gradient][at]! + bounds[gradient][at]!));
        // The bound must be of the gradient's own size, so that a gradient without a factor of 2 does not pass in f32.
        // Where nothing passes a gap this cannot hold: what is left of the gradient is smaller than the roundings of
        // the terms that it is the difference of.
        if (gates && /all −(20|100|1000)/.test(gates.name)) return;
        expect(16 * 2 ** -24 * bounds[gradient][at]!).toBeLessThan(
          0.5 * Math.max(...reference[gradient].map(Math.abs)),
        );
      });
    }
  },
);

test("a float64 judge adds 13 ε of its own to right float64 gradients; this one adds nothing", async () => {
  // This is Q̄ of applyVjp with `trans`, α = −0.3 and Z̄, with one key throughout: tril(X (αȲ)ᵀ, −1) K + X Z̄ᵀ.
  const [batch, n, r] = [2, 279, 17];
  const problem = makeProblem("identical keys, β = 2", { batch, n, r, p: 1 }, "f64", 1458969117);
  const random = new Random(1458969118);
  const k = random.fillNormal(new Float64Array(batch * n)).map((value) => -0.3 * value);
  const state = random.fillNormal(new Float64Array(batch * r));
  const sizes = { batch, n, r: 1, p: r };
  const product = { ...problem, sizes, q: problem.rhs, k, rhs: problem.k, state };
  const call = { ...plainCall, stateful: true, lambda: false };
  const { out } = await run("apply", new Scope(createPlainBackend()), product, call);
  expect(omegaOfApply(product, call, out)).toBeLessThan(2);
  const inFloat64 = [0, 1].map((entry) => {
    const of = (data: Problem["q"]): Float64Array => matrixOf(data, batch, entry);
    const op = { n, r: 1, q: of(product.q), k: of(k) };
    return omegaApply(op, of(out), of(product.rhs), r, { initialState: of(state), dtype: "f32" }) * 2 ** 53;
  });
  expect(Math.max(...inFloat64)).toBeGreaterThan(10);
});
