import { defineConfig } from "vitest/config";
import { limits } from "../../tooling/limits.mjs";

export default defineConfig({
  test: {
    ...limits,
    include: ["test/**/*.test.mjs"],
    testTimeout: 60_000, // starting workers takes most of a test's time, and long on a loaded machine
    reporters: ["default", ["json", { outputFile: "test-results/vitest.json" }]],
  },
});
