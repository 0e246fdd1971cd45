import { defineConfig } from "vitest/config";
import { limits } from "../../tooling/limits.mjs";

export default defineConfig({
  test: {
    ...limits,
    include: ["test/**/*.test.mjs"],
    reporters: ["default", ["json", { outputFile: "test-results/vitest.json" }]],
  },
});
