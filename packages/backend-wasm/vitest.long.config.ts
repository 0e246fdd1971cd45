import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    setupFiles: ["test/relaxed.setup.ts"],
    include: ["test/long/**/*.long.ts"],
    reporters: ["default", ["json", { outputFile: "test-results/vitest.long.json" }]],
  },
});
