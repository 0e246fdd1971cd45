import { defineConfig } from "vitest/config";
import { longLimits } from "../../tooling/limits.mjs";

export default defineConfig({
  test: {
    ...longLimits,
    globalSetup: "test/long/build.mjs",
    include: ["test/long/**/*.test.mjs"],
    reporters: ["default", ["json", { outputFile: "test-results/vitest-long.json" }]],
  },
});
