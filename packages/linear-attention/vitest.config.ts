import { defineConfig } from "vitest/config";
import { limits } from "../../tooling/limits.mjs";

export default defineConfig({
  test: {
    ...limits,
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000, // of a loaded machine: the slowest test takes a second or two of its own
    reporters: ["default", ["json", { outputFile: "test-results/vitest.json" }]],
  },
});
