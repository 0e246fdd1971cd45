import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const config = fileURLToPath(new URL("../arrows.oxlintrc.json", import.meta.url));
const oxlint = join(dirname(createRequire(import.meta.url).resolve("oxlint/package.json")), "bin/oxlint");

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "arrows-"));
  execFileSync("git", ["init", "-q"], { cwd: root });
  write("packages/core/src/index.ts", 'export { solve } from "./solve.js";\n');
  write("packages/core/src/solve.ts", "export const solve = 1;\n");
  write(
    "packages/backend-js/src/index.ts",
    'export { solve } from "@dlrt/core";\nimport "@dlrt/core/host";\n',
  );
  write("packages/backend-js/test/solve.test.ts", 'import "@dlrt/conformance";\nimport "../src/index.js";\n');
  write("packages/conformance/src/index.ts", 'export { solve } from "@dlrt/core";\n');
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path, text) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** Files at fault. */
function check() {
  const args = [oxlint, "--config", config, "--deny-warnings", "--format", "json", "packages"];
  const run = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  const files = JSON.parse(run.stdout).diagnostics.map((fault) => fault.filename.replaceAll("\\", "/"));
  expect(run.status, run.stderr).toBe(files.length === 0 ? 0 : 1);
  return [...new Set(files)].sort();
}

test("arrows that point the right way pass", () => {
  expect(check()).toEqual([]);
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
])("caught: %s", (_, path, text) => {
  write(path, `${text}\n`);
  expect(check()).toEqual([path]);
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
])("caught: a cycle of %s", (_, a, b) => {
  write("packages/core/src/a.ts", `${a}\n`);
  write("packages/core/src/b.ts", `${b}\n`);
  expect(check()).toEqual(["packages/core/src/a.ts", "packages/core/src/b.ts"]);
});
