import { defineConfig } from "vitest/config";
import { longLimits } from "../../tooling/limits.mjs";

export default defineConfig({
  test: {
    ...longLimits,
    include: ["test/long/*.test.ts"],
    reporters: ["default", ["json", { outputFile: "test-results/vitest-long.json" }]],
  },
});
