import { defineConfig } from "vitest/config";
import { limits } from "../../tooling/limits.mjs";

export default defineConfig({
  test: {
    ...limits,
    include: ["test/**/*.test.mjs"],
    testTimeout: 60_000, // of a loaded machine: starting workers takes most of a test's time
    reporters: ["default", ["json", { outputFile: "test-results/vitest.json" }]],
  },
});
