import { defineConfig } from "vitest/config";
import { longLimits } from "../../tooling/limits.mjs";

const include = ["test/*.test.ts"];
/** The tests in which no kernel for a layer is called. */
const exclude = ["test/readme.test.ts", "test/pieces*.test.ts", "test/causal-conv*.test.ts"];

/** Runs every combination of sizes, layers and dtypes, on backend-js with its kernels for a layer and without them. */
export default defineConfig({
  test: {
    ...longLimits,
    env: { DLRT_LONG: "1" },
    reporters: ["default", ["json", { outputFile: "test-results/vitest-long.json" }]],
    projects: [
      { extends: true, test: { name: "own", include, exclude } },
      { extends: true, test: { name: "composed", include, exclude, setupFiles: ["test/composed.setup.ts"] } },
    ],
  },
});
