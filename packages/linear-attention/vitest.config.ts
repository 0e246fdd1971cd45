import { vulkanEnv } from "@dlrt/swiftshader";
import { defineConfig } from "vitest/config";
import { limits } from "../../tooling/limits.mjs";

/** The tests whose results depend on whether a layer is computed by one kernel or composed of operations. */
const composed = ["forward", "gradients", "properties", "device", "onnx"].map(
  (name) => `test/${name}.test.ts`,
);

export default defineConfig({
  test: {
    ...limits,
    testTimeout: 60_000, // a loaded machine may need it, though the slowest test takes a second or two by itself
    reporters: ["default", ["json", { outputFile: "test-results/vitest.json" }]],
    projects: [
      // One process runs all files, which halves the time of the small ones. None of them leaves a backend changed.
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
