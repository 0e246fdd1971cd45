import { defineConfig } from "vitest/config";
import { longLimits } from "../../tooling/limits.mjs";

const include = ["test/*.test.ts"];
/** Tests that no kernel of a layer is in. */
const exclude = ["test/readme.test.ts", "test/pieces*.test.ts", "test/causal-conv*.test.ts"];

/** Every product of sizes, layers and dtypes, on backend-js with its own kernel for a layer and with none. */
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
