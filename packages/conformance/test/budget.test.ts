/** `maxWork` and `maxN` hold for every case: a device is never asked for more rows or more work than its owner allows. */
import type { HostTensor } from "@dlrt/core";
import type { Kernels } from "@dlrt/core/backend";
import { expect, test } from "vitest";
import { PlainBackend, plainKernels } from "../examples/plain-backend.js";
import { runSuites } from "../src/index.js";
import { allCases } from "../src/suites/index.js";
import { titleOf } from "../src/report.js";
import { workOf } from "../src/sizes.js";

const most = { work: 0, n: 0, batch: 0 };

function note(batch: number, n: number, work: number): void {
  most.batch = Math.max(most.batch, batch);
  most.n = Math.max(most.n, n);
  most.work = Math.max(most.work, work);
}

/** A backend that notes the sizes of every call. */
class NotingBackend extends PlainBackend {
  override readonly kernels: Kernels<HostTensor> = {
    apply: (params) => (note(params.batch, params.n, workOf(params)), plainKernels.apply(params)),
    solve: (params) => (note(params.batch, params.n, workOf(params)), plainKernels.solve(params)),
    inverse: (params) => (
      note(params.batch, params.n, params.batch * params.n ** 2),
      plainKernels.inverse(params)
    ),
    trilInverse: (params) => (
      note(params.batch, params.c, params.batch * params.c ** 2),
      plainKernels.trilInverse(params)
    ),
    rowDot: (params) => (
      note(
        params.batch,
        0,
        params.batch * params.n * params.p,
      ), // its rows may be a state's
      plainKernels.rowDot(params)
    ),
    copy: (params) => (
      note(params.batch, 0, params.batch * params.rows * params.cols),
      plainKernels.copy(params)
    ),
    decayVjp: (params) => (
      note(params.batch, params.n, params.batch * params.n * params.r),
      plainKernels.decayVjp(params)
    ),
  };
}

test.each(allCases().map(titleOf))("%s", async (title) => {
  Object.assign(most, { work: 0, n: 0, batch: 0 });
  const budget = { maxN: 21, maxWork: 260 };
  const report = await runSuites(() => new NotingBackend(), { ...budget, cases: 40, seed: 1, only: [title] });
  expect(report.failures).toEqual([]);
  expect(report.passed).toBeGreaterThan(0);
  expect(most.work).toBeLessThanOrEqual(budget.maxWork);
  expect(Math.max(most.n, most.batch)).toBeLessThanOrEqual(budget.maxN);
});
