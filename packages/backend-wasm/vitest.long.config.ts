import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/long/**/*.long.ts"],
    reporters: ["default", ["json", { outputFile: "test-results/vitest.long.json" }]],
  },
});
