import { expect, test } from "vitest";
import {
  applyVjp,
  inverseVjp,
  solve,
  solveVjp,
  type Dtype,
  type HostTensor,
  type Shape,
} from "../src/index.js";
import { referenceKernels } from "./reference-kernels.js";
import { SpyBackend } from "./spy-backend.js";

const alphas: Record<Dtype, readonly number[]> = {
  f32: [1, -1, 0.3, 1e-30, -1e-25, 1e-20, 1e20, 1e25, -1e30],
  f64: [1, -1, 0.3, 1e-200, -1e-160, 1e-30, 1e30, 1e160, -1e200],
};
const cases = (["f32", "f64"] as const).flatMap((dtype) => alphas[dtype].map((alpha) => ({ dtype, alpha })));

function setUp(dtype: Dtype): { backend: SpyBackend; put: (data: number[], cols?: number) => HostTensor } {
  const backend = new SpyBackend(referenceKernels);
  const put = (values: number[], cols = 1): HostTensor => {
    const data = dtype === "f32" ? Float32Array.from(values) : Float64Array.from(values);
    return backend.upload({ data, shape: [1, values.length / cols, cols] satisfies Shape });
  };
  return { backend, put };
}

/** Expects that each element is right to within a few roundings of itself. */
function expectNear(got: HostTensor, want: number[], dtype: Dtype, what: string): void {
  const epsilon = dtype === "f32" ? 2 ** -24 : 2 ** -53;
  const far = want.findIndex(
    (value, at) => !(Math.abs(got.data[at]! - value) <= 8 * epsilon * Math.abs(value)),
  );
  expect(far < 0 ? "near" : `${what}: ${[...got.data].join(" ")}, expected ${want.join(" ")}`).toBe("near");
}

// T = [[1, 0], [1, 1]] and b − q z₀ = (1, 3) − (0, 1)·z₀. The numbers q₁ and k₂ play no part in T.
test.each(cases)(
  "$dtype, α = $alpha: gradients of solve are right, with states and without",
  ({ dtype, alpha }) => {
    const { backend, put } = setUp(dtype);
    const op = { diag: put([1, 1]), q: put([0, 1]), k: put([1, 0]) };
    const y = solve(backend, op, put([1, 3]), { alpha });
    const plain = solveVjp(backend, op, y, put([1, 1]), { alpha });
    const a = dtype === "f32" ? Math.fround(alpha) : alpha;
    // B̄ = α T⁻ᵀ (1, 1) = α (0, 1), Y = (1, 2), λ̄ = −B̄ Y, q̄₂ = −b̄₂ y₁ k₁, k̄₁ = −b̄₂ y₁ q₂
    const near = (t: HostTensor, want: number[], what: string): void => expectNear(t, want, dtype, what);
    near(plain.b, [0, a], "b");
    near(plain.diag, [0, -2 * a], "diag");
    near(plain.q, [0, -a], "q");
    near(plain.k, [-a, 0], "k");
    // z₀ = 5: Y = (1, −3), z̄₀ = −b̄₂ q₂, q̄₂ = −b̄₂ (k₁ y₁ + z₀)
    const state = put([5]);
    const continued = solve(backend, op, put([1, 3]), { alpha, initialState: state });
    const one = solveVjp(backend, op, continued, put([1, 1]), { alpha, initialState: state });
    near(one.q, [0, -6 * a], "q with a state");
    near(one.k, [-a, 0], "k with a state");
    near(one.diag, [0, 3 * a], "diag with a state");
    near(one.initialState!, [-a], "state");
    // With z̄ = 2α besides, B̄ = T⁻ᵀ (α (1, 1) + (1, 0)·2α) = α (2, 1), k̄ = Y z̄ − …, z̄₀ = z̄ − b̄₂ q₂.
    const both = { alpha, initialState: state, finalStateCotangent: put([2 * a]) };
    const two = solveVjp(backend, op, continued, put([1, 1]), both);
    near(two.b, [2 * a, a], "b with Z̄");
    near(two.q, [-10 * a, -6 * a], "q with Z̄");
    near(two.k, [a, -6 * a], "k with Z̄");
    near(two.initialState!, [a], "state with Z̄");
  },
);

test.each(cases)(
  "$dtype, α = $alpha: gradients of apply are right, with states and without",
  ({ dtype, alpha }) => {
    const { backend, put } = setUp(dtype);
    const op = { diag: put([1, 1]), q: put([0, 1]), k: put([1, 0]) };
    const a = dtype === "f32" ? Math.fround(alpha) : alpha;
    const near = (t: HostTensor, want: number[], what: string): void => expectNear(t, want, dtype, what);
    const [x, cotangent, state] = [put([1, 3]), put([1, 1]), put([5])];
    const plain = applyVjp(backend, op, x, cotangent, { alpha });
    near(plain.x, [2 * a, a], "x");
    near(plain.diag, [a, 3 * a], "diag");
    near(plain.q, [0, a], "q");
    near(plain.k, [a, 0], "k");
    const one = applyVjp(backend, op, x, cotangent, { alpha, initialState: state });
    near(one.q, [5 * a, 6 * a], "q with a state");
    near(one.initialState!, [a], "state");
    const both = applyVjp(backend, op, x, cotangent, {
      alpha,
      initialState: state,
      finalStateCotangent: put([2 * a]),
    });
    near(both.x, [4 * a, a], "x with Z̄");
    near(both.k, [3 * a, 6 * a], "k with Z̄");
    near(both.initialState!, [3 * a], "state with Z̄");
  },
);

test("α = 1 costs no temporary and no kernel call more: solve, apply for Q̄ and K̄, rowDot", () => {
  const { backend, put } = setUp("f64");
  const op = { diag: put([1, 1]), q: put([0, 1]), k: put([1, 0]) };
  solveVjp(backend, op, put([1, 2]), put([1, 1]));
  expect(backend.calls).toEqual(["solve", "apply", "apply", "rowDot"]);
  backend.calls.length = 0;
  inverseVjp(backend, op, put([1, 0, -1, 1], 2), put([1, 0, 1, 1], 2));
  expect(backend.calls).toEqual(["solve", "apply", "apply", "rowDot"]);
});
