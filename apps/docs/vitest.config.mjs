import { defineConfig } from "vitest/config";
import { limits } from "../../tooling/limits.mjs";

export default defineConfig({
  test: {
    ...limits,
    include: ["test/**/*.test.mjs"],
    exclude: ["test/long/**"],
    reporters: ["default", ["json", { outputFile: "test-results/vitest.json" }]],
  },
});
