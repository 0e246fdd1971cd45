import { expect, test } from "vitest";
import { createPlainBackend } from "../examples/plain-backend.js";
import { layerCases } from "../src/layers/suites/index.js";
import { runCases } from "../src/runner.js";
import { layerFaults } from "./layer-faults/index.js";

const small = { cases: 8, seed: 1, maxN: 300, maxWork: 2 ** 12 } as const;

test("the plain backend has nothing to find", async () => {
  const report = await runCases(createPlainBackend, { ...small, only: ["f32"] }, layerCases());
  expect(report.failures).toEqual([]);
  expect(report.notRun.map(({ name }) => name.split(" › ")[0])).toEqual(["layers: size", "layers: size"]);
  expect(report.passed).toBeGreaterThan(150);
}, 120_000);

test.each(layerFaults.map((fault) => [fault.name, fault] as const))(
  "caught: %s",
  async (_, { caughtBy, layers }) => {
    const report = await runCases(createPlainBackend, { ...small, only: [caughtBy] }, layerCases(layers));
    expect(report.failures.map(({ name }) => name)).toContain(caughtBy);
  },
  60_000,
);

test("every suite of layers but that of sizes has a fault that it finds", () => {
  const suites = new Set(layerCases().map(({ suite }) => suite));
  const found = new Set(layerFaults.map(({ caughtBy }) => caughtBy.split(" › ")[0]));
  expect([...suites].filter((suite) => !found.has(suite))).toEqual(["layers: size"]);
});
