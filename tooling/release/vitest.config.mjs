import { readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";
import { limits } from "../limits.mjs";

/** GitHub's parser of workflows. It imports JSON as bundlers do, which Node refuses, and names source maps that are not in its package. */
const PARSER = /@actions\/(?:workflow-parser|expressions)\//;

export default defineConfig({
  plugins: [
    {
      name: "parser-of-workflows",
      load: (id) =>
        PARSER.test(id) && id.endsWith(".js")
          ? readFileSync(id, "utf8").replace(/^\/\/# sourceMappingURL=.*$/m, "")
          : undefined,
    },
  ],
  test: {
    ...limits,
    include: ["test/**/*.test.mjs"],
    server: { deps: { inline: [PARSER] } },
    reporters: ["default", ["json", { outputFile: "test-results/vitest.json" }]],
  },
});
