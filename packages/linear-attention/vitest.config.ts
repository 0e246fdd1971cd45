import { vulkanEnv } from "@dlrt/swiftshader";
import { defineConfig } from "vitest/config";
import { limits } from "../../tooling/limits.mjs";

const include = ["test/*.test.ts"];
/** Tests that no kernel of a layer is in, which run once. */
const apart = ["test/pieces*.test.ts", "test/causal-conv.test.ts"];

export default defineConfig({
  test: {
    ...limits,
    testTimeout: 60_000, // of a loaded machine: the slowest test takes a second or two of its own
    reporters: ["default", ["json", { outputFile: "test-results/vitest.json" }]],
    projects: [
      { extends: true, test: { name: "own", include } },
      {
        extends: true,
        test: { name: "composed", include, exclude: apart, setupFiles: ["test/composed.setup.ts"] },
      },
      // Dawn finds its Vulkan driver through the environment of the process, which only forks can be given.
      {
        extends: true,
        test: { name: "webgpu", include: ["test/webgpu/*.test.ts"], pool: "forks", env: vulkanEnv() },
      },
    ],
  },
});
