import { expect, test } from "vitest";
import { operations } from "../src/harness/operations/index.js";
import { sparing } from "../src/harness/contenders/contender.js";
import { dense } from "../src/peers/dense.js";
import { mlMatrix } from "../src/peers/ml-matrix.js";
import { naive } from "../src/harness/contenders/naive.js";
import type { Problem } from "../src/harness/workload/problem.js";
import { problem } from "./problems.js";

/** Only the sizes are looked at. */
const sized = (batch: number, n: number): Problem => ({ ...problem(), batch, n, r: 64, p: 64 });

test("of the default run's two sizes, what is slow takes the small one", () => {
  const spared = sparing(mlMatrix);
  expect(spared.refuses(operations.solve, sized(8, 4096))).toBeUndefined();
  expect(spared.refuses(operations.solve, sized(8, 65536))).toMatch(/bench --patient/);
});

test("by its own flops where they grow faster than the useful ones", () => {
  const spared = sparing(dense);
  for (const name of ["solve", "inverse"] as const) {
    const large = sized(1, 8192);
    expect(operations[name].flops({ ...large, n: 2048 })).toBeLessThan(3e8);
    expect(spared.refuses(operations[name], { ...large, n: 2048 })).toBeUndefined();
    expect(spared.refuses(operations[name], large)).toMatch(/bench --patient/);
  }
});

test("a contender's own refusal comes first, and what is not slow is never spared", () => {
  expect(sparing(mlMatrix).refuses(operations.inverse, sized(8, 65536))).toBe("solves only");
  expect(sparing(naive)).toBe(naive);
});
