import { defineConfig } from "vitest/config";
import { limits } from "../limits.mjs";

export default defineConfig({
  test: {
    ...limits,
    include: ["test/**/*.test.mjs"],
    globalSetup: ["./install.mjs"],
    fileParallelism: false, // each test starts processes of its own: two cores are busy with one file
    maxConcurrency: 2,
    reporters: ["default", ["json", { outputFile: "test-results/vitest.json" }]],
  },
});
