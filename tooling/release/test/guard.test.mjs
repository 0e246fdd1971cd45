import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { faults, inReleaseWorkflow, isLoopback } from "../guard.mjs";
import { ROOT, entries, publishable, resolveTarget } from "../packages.mjs";

const script = fileURLToPath(new URL("../guard.mjs", import.meta.url));
const loopback = "http://127.0.0.1:4873/";
const away = "https://registry.example.test/";
const workflow = {
  GITHUB_ACTIONS: "true",
  GITHUB_WORKFLOW_REF: "dlrt/diag-low-rank-tril/.github/workflows/release.yml@refs/heads/main",
  DLRT_PUBLISH: "public",
};

test.each([
  [loopback, true],
  ["http://localhost:4873", true],
  ["http://[::1]:4873/", true],
  [away, false],
  ["http://127.0.0.1.example.test/", false],
  ["http://localhost.example.test/", false],
  ["http://user@example.test:4873/127.0.0.1", false],
  ["http://127.0.0.1:80@example.test/", false],
  ["", false],
  ["undefined", false],
])("loopback: %s is %s", (url, expected) => expect(isLoopback(url)).toBe(expected));

test.each([
  ["the release workflow on main that asks", {}, true],
  ["outside CI", { GITHUB_ACTIONS: undefined }, false],
  ["another workflow", { GITHUB_WORKFLOW_REF: "o/r/.github/workflows/ci.yml@refs/heads/main" }, false],
  ["another branch", { GITHUB_WORKFLOW_REF: "o/r/.github/workflows/release.yml@refs/heads/x" }, false],
  ["a step that does not ask", { DLRT_PUBLISH: undefined }, false],
])("asked for: %s", (_, change, expected) => {
  expect(inReleaseWorkflow({ ...workflow, ...change })).toBe(expected);
});

describe("faults", () => {
  const both = [
    ["npm registry", loopback],
    ["pnpm_config_registry", loopback],
  ];

  test("none when everything points at loopback, or the workflow asks", () => {
    expect(faults(both, [], {})).toEqual([]);
    expect(faults([["npm registry", away]], [], workflow)).toEqual([]);
  });

  test("one place that points elsewhere is enough, and the host stays untold", () => {
    const found = faults([...both, ["npm @dlrt:registry", away]], [], {});
    expect(found).toEqual(["npm @dlrt:registry is not on loopback"]);
    expect(faults([...both, ["npm_config_registry", ""]], [], {})).toEqual([
      "npm_config_registry is not set",
    ]);
    const pinned = [{ name: "@dlrt/core", publishConfig: { registry: away } }];
    expect(faults(both, pinned, {})).toEqual(["@dlrt/core: publishConfig.registry is not on loopback"]);
  });
});

describe("the script that packages run before a publish", () => {
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^p?npm_config_|^GITHUB_|^DLRT_/i.test(name)),
  );
  const run = (env) => spawnSync(process.execPath, [script], { env: { ...clean, ...env }, encoding: "utf8" });

  test("refuses this machine's own settings", () => {
    const { status, stderr } = run({ npm_config_registry: away, pnpm_config_registry: away });
    expect(status).toBe(1);
    expect(stderr).toContain("refusing to publish");
    expect(stderr).not.toContain("example.test");
  });

  test("refuses when only one of npm and pnpm is on loopback", () => {
    expect(run({ npm_config_registry: loopback }).status).toBe(1);
    expect(run({ npm_config_registry: loopback, pnpm_config_registry: away }).status).toBe(1);
    expect(run({ npm_config_registry: away, pnpm_config_registry: loopback }).status).toBe(1);
  });

  test("lets a publish to loopback through", () => {
    expect(run({ npm_config_registry: loopback, pnpm_config_registry: loopback })).toMatchObject({
      status: 0,
    });
  });

  test.each(publishable())("$name runs it, and names no registry of its own", ({ folder, manifest }) => {
    expect(manifest.scripts.prepublishOnly).toBe("node ../../tooling/release/guard.mjs");
    expect(manifest.publishConfig).toEqual({ access: "public", provenance: true });
    expect(existsSync(join(folder, ".npmrc"))).toBe(false);
  });
});

describe("packages", () => {
  test("entries leave out patterns, data and types", () => {
    const exports = {
      ".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
      "./node": { node: { import: "./dist/node.js" }, default: "./dist/other.js" },
      "./wasm/*": "./dist/*.wasm",
      "./simd.wasm": "./dist/simd.wasm",
      "./worker": "./dist/worker.js",
      "./package.json": "./package.json",
    };
    expect(entries({ name: "@dlrt/x", exports })).toEqual(["@dlrt/x", "@dlrt/x/node"]);
    expect(resolveTarget(exports["./node"], ["node", "import"])).toBe("./dist/node.js");
    expect(resolveTarget(exports["./node"])).toBe("./dist/other.js");
  });

  test("what is published is what is not private, and carries a licence", () => {
    const names = publishable().map(({ name }) => name);
    expect(names).toContain("@dlrt/core");
    for (const { manifest } of publishable()) {
      expect(manifest).toMatchObject({ license: "MIT", sideEffects: false, type: "module" });
      expect(manifest.keywords.length).toBeGreaterThan(3);
    }
  });
});

test("changesets keep all packages at one version", () => {
  const config = JSON.parse(readFileSync(join(ROOT, ".changeset/config.json"), "utf8"));
  expect(config.fixed).toEqual([["@dlrt/*"]]);
  expect(config).toMatchObject({ access: "public", commit: false, updateInternalDependencies: "patch" });
});
