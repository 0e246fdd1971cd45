import { vulkanEnv } from "@dlrt/swiftshader";
import { defineConfig } from "vitest/config";
import { limits } from "../../tooling/limits.mjs";

/** What a layer composed of operations may change; all else is as in "own", or as with a layer that has no kernel there. */
const composed = ["forward", "gradients", "properties", "device", "onnx"].map(
  (name) => `test/${name}.test.ts`,
);

export default defineConfig({
  test: {
    ...limits,
    testTimeout: 60_000, // of a loaded machine: the slowest test takes a second or two of its own
    reporters: ["default", ["json", { outputFile: "test-results/vitest.json" }]],
    projects: [
      // One process for all files, which is half the time of the small ones; none of them leaves a backend changed.
      { extends: true, test: { name: "own", include: ["test/*.test.ts"], pool: "threads", isolate: false } },
      {
        extends: true,
        test: {
          name: "composed",
          include: composed,
          env: { DLRT_LAYERS: "erasing" },
          setupFiles: ["test/composed.setup.ts"],
        },
      },
      // Dawn finds its Vulkan driver through the environment of the process, which only forks can be given.
      {
        extends: true,
        test: {
          ...limits, // a pipeline takes seconds to compile on a loaded machine
          name: "webgpu",
          include: ["test/webgpu/*.test.ts"],
          pool: "forks",
          env: vulkanEnv(),
        },
      },
    ],
  },
});
