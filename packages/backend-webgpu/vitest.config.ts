import { vulkanEnv } from "@dlrt/swiftshader";
import { defineConfig } from "vitest/config";
import { limits } from "../../tooling/limits.mjs";

export default defineConfig({
  // its Node entry is CommonJS in a package of ES modules
  resolve: { alias: { wgsl_reflect: "wgsl_reflect/wgsl_reflect.module.js" } },
  test: {
    ...limits,
    include: ["test/**/*.test.ts"],
    // The long run has these, the scan that a caller has to ask for among them. A page with a WebGPU backend is in the default run too: apps/bench-web measures and judges it.
    exclude: ["test/long/**", "test/browser/**"],
    // Dawn finds its Vulkan driver through the environment of the process, which only forks can be given.
    pool: "forks",
    // All files run in one process and share its device (test/support/shared-device.ts): on a device in software most of the time goes
    // into compiling pipelines, and each of them is compiled once for all files.
    isolate: false,
    fileParallelism: false,
    env: vulkanEnv(),
    server: { deps: { inline: ["wgsl_reflect"] } },
    reporters: ["default", ["json", { outputFile: "test-results/vitest.json" }]],
  },
});
