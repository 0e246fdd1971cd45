import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runProgram } from "@dlrt/readme";
import { publishable } from "@dlrt/release/packages";
import { describe, expect, inject, test } from "vitest";
import { toCommonJs } from "../commonjs.mjs";
import { pagePrograms, quickstarts } from "../install.mjs";

const user = inject("user");
const inNode = quickstarts(user).filter(({ gpu }) => !gpu);
const required = [process.execPath, "--no-warnings", "--input-type=commonjs", "-"];

test("the root README and every package have a quickstart", () => {
  const from = new Set(quickstarts(user).map(({ title }) => title.replace(/:\d+$/, "")));
  const wanted = publishable().map(({ name }) => name);
  expect([...from].toSorted()).toEqual(["README.md", ...wanted].toSorted());
});

test.concurrent.each(inNode)("import: $title prints what it says", async ({ code, output }) => {
  expect(await runProgram(code, { cwd: user })).toBe(output);
});

test.concurrent.each(inNode)("require: $title prints what it says", async ({ code, output }) => {
  expect(await runProgram(toCommonJs(code), { cwd: user, command: required })).toBe(output);
});

test.concurrent.each(pagePrograms())(
  "documentation: $title prints what it says",
  async ({ code, output }) => {
    expect(await runProgram(code, { cwd: user })).toBe(output);
  },
);

describe.each(publishable())("$name", ({ name, entries }) => {
  const installed = join(user, "node_modules", name);

  test("import and require give the same names, and neither prints", async () => {
    for (const entry of entries) {
      const list = (loaded) =>
        `console.log(JSON.stringify(Object.keys(${loaded}).filter((n) => n !== "module.exports").sort()))`;
      const imported = await runProgram(list(`await import("${entry}")`), { cwd: user });
      expect(JSON.parse(imported)).not.toEqual([]);
      expect(await runProgram(list(`require("${entry}")`), { cwd: user, command: required })).toBe(imported);
    }
  });

  test("core depends on nothing, a backend on core, tfjs on the layers; none runs a script when installed", () => {
    const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    const { dependencies = {}, scripts = {} } = manifest;
    const allowed = (dependency) =>
      name === "@dlrt/conformance" ||
      (name === "@dlrt/tfjs" && dependency === "@dlrt/linear-attention") ||
      (name !== "@dlrt/core" && ["@dlrt/core", "@webgpu/types"].includes(dependency));
    expect(Object.keys(dependencies).filter((dependency) => !allowed(dependency))).toEqual([]);
    expect(Object.keys(scripts).filter((s) => /^(pre|post)?(install|prepare)$/.test(s))).toEqual([]);
  });

  test("sources of every map are in the package", () => {
    const maps = readdirSync(join(installed, "dist"), { recursive: true }).filter((f) => f.endsWith(".map"));
    const missing = maps.flatMap((map) => {
      const {
        sources,
        sourceRoot = "",
        sourcesContent,
      } = JSON.parse(readFileSync(join(installed, "dist", map), "utf8"));
      const at = pathToFileURL(join(installed, "dist", map));
      return sources
        .filter((_, i) => !sourcesContent?.[i])
        .filter((source) => !existsSync(new URL(sourceRoot + source, at)));
    });
    expect(maps.length).toBeGreaterThan(0);
    expect(missing).toEqual([]);
  });

  test("only dist, src, README, LICENSE, CHANGELOG", () => {
    const allowed = ["CHANGELOG.md", "LICENSE", "README.md", "dist", "package.json", "src"];
    // The sources in AssemblyScript are not in `src` but in `assembly`.
    const extra = readdirSync(installed).filter((f) => !allowed.includes(f) && f !== "assembly");
    expect(extra).toEqual([]);
    expect(createRequire(join(user, "x.js")).resolve(`${name}/package.json`)).toContain(installed);
  });
});
