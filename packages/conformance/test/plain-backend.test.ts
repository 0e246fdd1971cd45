import { expect, test } from "vitest";
import { createPlainBackend } from "../examples/plain-backend.js";
import { omegaOfApply } from "../src/backward-error.js";
import { plainCall, run } from "../src/calls.js";
import { testBackend } from "../src/index.js";
import { makeProblem } from "../src/problems.js";
import { Scope } from "../src/trial.js";

testBackend({ test, create: createPlainBackend, cases: 6, maxWork: 2 ** 17 });

test("the example keeps what its sums lose: 18.4 ε were lost here by one chain of additions", async () => {
  const sizes = { batch: 1, n: 257, r: 64, p: 4 };
  const problem = makeProblem("identical keys, β = 2", sizes, "f64", 1298309732);
  const call = { ...plainCall, stateful: true, final: true };
  const scope = new Scope(createPlainBackend());
  const { out, finalState } = await run("apply", scope, problem, call);
  expect(omegaOfApply(problem, call, out, finalState)).toBeLessThan(2);
});
