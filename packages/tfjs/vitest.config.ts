import { vulkanEnv } from "@dlrt/swiftshader";
import { defineConfig } from "vitest/config";
import { limits } from "../../tooling/limits.mjs";

export default defineConfig({
  test: {
    ...limits,
    reporters: ["default", ["json", { outputFile: "test-results/vitest.json" }]],
    projects: [
      { extends: true, test: { name: "host", include: ["test/*.test.ts"] } },
      // Dawn finds its Vulkan driver through the environment of the process, which only forks can be given.
      {
        extends: true,
        test: {
          ...limits, // the longer limits, because a pipeline takes seconds to compile on a loaded machine
          name: "webgpu",
          include: ["test/webgpu/*.test.ts"],
          pool: "forks",
          env: vulkanEnv(),
        },
      },
    ],
  },
});
