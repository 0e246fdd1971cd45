import type { Dtype, HostTensor } from "@dlrt/core";
import type { ApplyParams } from "@dlrt/core/backend";
import { omegaApply, omegaState } from "@dlrt/core/reference";
import { describe, expect, it } from "vitest";
import { apply } from "../../src/kernels/apply.js";
import { entry, limit, problem, referenceOperator, tensor, type Problem, type Sizes } from "./problems.js";

const sizes: Sizes[] = [
  [1, 1, 1, 1],
  [2, 15, 3, 5],
  [1, 17, 4, 4],
  [1, 65, 64, 64],
  [3, 100, 67, 61],
  [1, 50, 1030, 6],
  [1, 34, 2, 2100],
  [1, 33, 0, 4],
];

function run(
  op: Problem,
  options: Partial<ApplyParams<HostTensor>> = {},
): { out: HostTensor; z: HostTensor } {
  const { batch, n, r, p, dtype, diag, q, k, b } = op;
  const out = tensor([batch, n, p], dtype);
  const z = tensor([batch, r, p], dtype);
  apply({
    ...{ batch, n, r, p, op: { diag, q, k }, x: b, out, finalState: z },
    ...{ trans: false, alpha: 1, decayOn: "rank", ...options },
  });
  return { out, z };
}

describe.each(["f32", "f64"] as Dtype[])("apply %s", (dtype) => {
  it.each(sizes)("batch %i, n %i, r %i, p %i, both directions, with and without Λ and state", (...size) => {
    const op = problem(size, dtype);
    for (const trans of [false, true]) {
      for (const [state, diag] of [
        [undefined, op.diag],
        [op.state, undefined],
      ] as const) {
        const { out, z } = run(op, { trans, alpha: 3, initialState: state, op: { ...op, diag } });
        for (let batch = 0; batch < op.batch; batch++) {
          const reference = { ...referenceOperator(op, batch), ...(diag ? {} : { diag: undefined }) };
          const options = { trans, initialState: state && entry(state, batch) };
          const x = entry(op.b, batch);
          const error = omegaApply(reference, entry(out, batch), x, op.p, { ...options, alpha: 3 });
          expect(error).toBeLessThanOrEqual(limit(dtype));
          expect(omegaState(reference, entry(z, batch), x, op.p, options)).toBeLessThanOrEqual(limit(dtype));
        }
      }
    }
  });

  it("takes any chunk", () => {
    const op = problem([1, 75, 6, 9], dtype);
    for (const chunk of [1, 5, 16, 32, 500]) {
      const { out } = run(op, { chunk });
      expect(omegaApply(referenceOperator(op, 0), entry(out, 0), entry(op.b, 0), 9)).toBeLessThanOrEqual(
        limit(dtype),
      );
    }
  });
});
