import { vulkanEnv } from "@dlrt/swiftshader";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/long/**/*.test.ts"],
    pool: "forks",
    env: vulkanEnv(),
    testTimeout: 3_600_000,
    reporters: ["default", ["json", { outputFile: "test-results/vitest-long.json" }]],
  },
});
