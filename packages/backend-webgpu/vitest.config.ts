import { vulkanEnv } from "@dlrt/swiftshader";
import { defineConfig } from "vitest/config";

// Dawn finds its Vulkan driver through the environment of the process, which only forks can be given.
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    env: vulkanEnv(),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ["default", ["json", { outputFile: "test-results/vitest.json" }]],
  },
});
