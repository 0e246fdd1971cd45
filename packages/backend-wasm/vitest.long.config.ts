import { defineConfig } from "vitest/config";
import { longLimits } from "../../tooling/limits.mjs";

export default defineConfig({
  test: {
    ...longLimits,
    setupFiles: ["test/relaxed.setup.ts"],
    include: ["test/long/**/*.long.ts"],
    reporters: ["default", ["json", { outputFile: "test-results/vitest.long.json" }]],
  },
});
