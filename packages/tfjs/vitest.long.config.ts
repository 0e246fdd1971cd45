import { vulkanEnv } from "@dlrt/swiftshader";
import { defineConfig } from "vitest/config";
import { longLimits } from "../../tooling/limits.mjs";

export default defineConfig({
  test: {
    ...longLimits,
    include: ["test/long/*.test.ts"],
    pool: "forks",
    execArgv: ["--expose-gc"],
    env: vulkanEnv(),
    reporters: ["default", ["json", { outputFile: "test-results/vitest-long.json" }]],
  },
});
