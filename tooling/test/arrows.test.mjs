import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cruise } from "dependency-cruiser";
import { afterEach, beforeEach, expect, test } from "vitest";
import config from "../../.dependency-cruiser.mjs";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "arrows-"));
  write("packages/core/src/index.ts", 'export { solve } from "./solve.js";\n');
  write("packages/core/src/solve.ts", "export const solve = 1;\n");
  write(
    "packages/backend-js/src/index.ts",
    'export { solve } from "@dlrt/core";\nimport "@dlrt/core/host";\n',
  );
  write("packages/backend-js/test/solve.test.ts", 'import "@dlrt/conformance";\nimport "../src/index.js";\n');
  write("packages/conformance/src/index.ts", 'export { solve } from "@dlrt/core";\n');
  write("apps/bench/src/harness/stats.ts", "export const median = 1;\n");
  write("apps/bench/src/harness/index.ts", 'export { median } from "./stats.js";\n');
  write("apps/bench/src/harness/environment.ts", 'import "node:os";\nexport const cores = 1;\n');
  write("apps/bench/src/harness/workload/random.ts", "export const random = 1;\n");
  write("apps/bench/src/harness/contenders/a.ts", 'import "../workload/random.js";\n');
  write("apps/bench/src/roofline/index.ts", "export const peak = 1;\n");
  write("apps/bench/src/charts/index.ts", 'import "../harness/index.js";\n');
  write(
    "apps/bench/src/command-line/main.ts",
    'import "@dlrt/backend-js";\nimport "../charts/index.js";\nimport "../harness/environment.js";\n',
  );
  write("apps/bench-web/src/page.ts", 'import "@dlrt/bench/harness";\nimport "@dlrt/bench/environment";\n');
  write("examples/one/main.mjs", 'import "@dlrt/core";\n');
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path, text) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** Returns the files at fault: those in which an import is refused, and all of a cycle. */
async function check() {
  const { forbidden, options } = config;
  const { output } = await cruise(["."], {
    ...options,
    ruleSet: { forbidden },
    validate: true,
    baseDir: root,
  });
  const files = output.summary.violations.flatMap(({ from, cycle = [] }) => [
    from,
    ...cycle.map(({ name }) => name),
  ]);
  return [...new Set(files)].sort();
}

test("arrows that point the right way pass", async () => {
  expect(await check()).toEqual([]);
});

test.each([
  ["core imports a backend", "packages/core/src/a.ts", 'import "@dlrt/backend-js";'],
  ["core imports itself by name", "packages/core/src/a.ts", 'import "@dlrt/core/host";'],
  [
    "core loads a package late",
    "packages/core/src/a.ts",
    'export const load = () => import("@dlrt/conformance");',
  ],
  ["a backend imports another", "packages/backend-js/src/a.ts", 'export * from "@dlrt/backend-wasm";'],
  [
    "a backend reaches into another",
    "packages/backend-js/src/k/a.ts",
    'import "../../../backend-wasm/src/x.js";',
  ],
  ["a backend reaches into core", "packages/backend-wasm/src/a.ts", 'import "../../core/src/solve.js";'],
  [
    "a backend ships conformance",
    "packages/backend-webgpu/src/a.ts",
    'import type { Suite } from "@dlrt/conformance";',
  ],
  [
    "a type comes round the back",
    "packages/backend-js/src/a.ts",
    'export type A = import("@dlrt/conformance").A;',
  ],
  ["a backend's test imports another", "packages/backend-js/test/a.test.ts", 'import "@dlrt/backend-wasm";'],
  ["conformance imports a backend", "packages/conformance/src/suites/a.ts", 'import "@dlrt/backend-js";'],
  ["conformance tests on a backend", "packages/conformance/test/a.test.ts", 'import "@dlrt/backend-js";'],
  ["a new package imports another", "packages/new/src/a.ts", 'import "@dlrt/core";'],
  ["a package imports an app", "packages/backend-js/test/a.test.ts", 'import "@dlrt/bench";'],
  ["an app imports another", "apps/bench/src/a.ts", 'import "../../bench-web/src/page.js";'],
  ["an app imports an example", "apps/bench-web/src/a.ts", 'import "@dlrt/example-split-sequence";'],
  ["an example imports an app", "examples/one/main.mjs", 'import "../../apps/bench/src/main.js";'],
  ["an app ships a test", "apps/bench/src/a.ts", 'import "../test/long/b.js";'],
  ["the contract imports an operation", "packages/core/src/contract/a.ts", 'import "../operations/b.js";'],
  ["a measure imports the command line", "apps/bench/src/harness/a.ts", 'import "../command-line/main.js";'],
  ["a workload imports a chart", "apps/bench/src/harness/workload/a.ts", 'import "../../charts/index.js";'],
  ["the roofline imports charts", "apps/bench/src/roofline/a.ts", 'import "../charts/index.js";'],
  ["peers import the roofline", "apps/bench/src/peers/a.ts", 'import "../roofline/index.js";'],
  ["scaling imports charts", "apps/bench/src/scaling/a.ts", 'import "../charts/index.js";'],
  ["a chart reaches past the harness's entry", "apps/bench/src/charts/a.ts", 'import "../harness/stats.js";'],
  [
    "the command line reaches past it",
    "apps/bench/src/command-line/a.ts",
    'import type { A } from "../harness/stats.js";',
  ],
  [
    "a workload imports a contender",
    "apps/bench/src/harness/workload/a.ts",
    'import type { A } from "../contenders/a.js";',
  ],
  ["an operation imports what reports", "apps/bench/src/harness/operations/a.ts", 'import "../stats.js";'],
  ["the harness needs Node", "apps/bench/src/harness/a.ts", 'import { readFileSync } from "node:fs";'],
  [
    "what Chromium loads as it is imports more",
    "apps/bench/src/harness/layer/contender.ts",
    'import "../stats.js";',
  ],
  [
    "the page reaches into the bench's dist",
    "apps/bench-web/src/a.ts",
    'import "@dlrt/bench/dist/harness/stats.js";',
  ],
  [
    "the page reaches into its source",
    "apps/bench-web/src/a.ts",
    'import "../../bench/src/harness/stats.js";',
  ],
])("caught: %s", async (_, path, text) => {
  write(path, `${text}\n`);
  expect(await check()).toEqual([path]);
});

test.each([
  [
    "values",
    'import { b } from "./b.js";\nexport const a = () => b;',
    'import { a } from "./a.js";\nexport const b = () => a;',
  ],
  [
    "types",
    'import type { B } from "./b.js";\nexport type A = B[];',
    'import type { A } from "./a.js";\nexport type B = A | 1;',
  ],
])("caught: a cycle of %s", async (_, a, b) => {
  write("packages/core/src/a.ts", `${a}\n`);
  write("packages/core/src/b.ts", `${b}\n`);
  expect(await check()).toEqual(["packages/core/src/a.ts", "packages/core/src/b.ts"]);
});
