import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.mjs"],
    globalSetup: ["./install.mjs"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false, // each test starts processes of its own: two cores are busy with one file
    maxConcurrency: 2,
    reporters: ["default", ["json", { outputFile: "test-results/vitest.json" }]],
  },
});
