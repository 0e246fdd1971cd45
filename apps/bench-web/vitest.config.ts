import { defineConfig } from "vitest/config";
import { limits } from "../../tooling/limits.mjs";

export default defineConfig({
  test: {
    ...limits,
    include: ["test/**/*.test.ts"],
    exclude: ["test/long/**"],
    reporters: ["default", ["json", { outputFile: "test-results/vitest.json" }]],
  },
});
