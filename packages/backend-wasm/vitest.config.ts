import { defineConfig } from "vitest/config";
import { limits } from "../../tooling/limits.mjs";

export default defineConfig({
  test: {
    ...limits,
    setupFiles: ["test/relaxed.setup.ts"],
    include: ["test/**/*.test.ts"],
    // a loaded machine is slow, and no test is about time
    testTimeout: 60_000,
    reporters: ["default", ["json", { outputFile: "test-results/vitest.json" }]],
  },
});
