import { vulkanEnv } from "@dlrt/swiftshader";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // its Node entry is CommonJS in a package of ES modules
  resolve: { alias: { wgsl_reflect: "wgsl_reflect/wgsl_reflect.module.js" } },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/long/**"],
    // Dawn finds its Vulkan driver through the environment of the process, which only forks can be given.
    pool: "forks",
    env: vulkanEnv(),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    server: { deps: { inline: ["wgsl_reflect"] } },
    reporters: ["default", ["json", { outputFile: "test-results/vitest.json" }]],
  },
});
