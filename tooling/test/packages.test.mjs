import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createPackageFromTarballData } from "@arethetypeswrong/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));
const published = readdirSync(join(root, "packages"))
  .map((name) => join(root, "packages", name))
  .filter((folder) => existsSync(join(folder, "package.json")))
  .filter((folder) => !readJson(join(folder, "package.json")).private);

test("the test command runs publint, the long one attw, which packs every package", () => {
  const { scripts } = readJson(join(root, "package.json"));
  expect(scripts.test).toMatch(/ publint /);
  expect(scripts["test:long"]).toMatch(/ attw /);
});

test("tooling depends on every published package, so that each is built before it is packed here", () => {
  const { devDependencies } = readJson(join(root, "tooling/package.json"));
  const names = published.map((folder) => readJson(join(folder, "package.json")).name);
  expect(Object.keys(devDependencies)).toEqual(expect.arrayContaining(names));
});

describe.each(published.map((folder) => [readJson(join(folder, "package.json")).name, folder]))(
  "%s",
  (_, folder) => {
    const into = mkdtempSync(join(tmpdir(), "pack-"));
    let packed;
    beforeAll(() => {
      execFileSync("pnpm", ["pack", "--pack-destination", into], {
        cwd: folder,
        stdio: "ignore",
        shell: process.platform === "win32",
      });
      packed = createPackageFromTarballData(readFileSync(join(into, readdirSync(into)[0])));
    });
    afterAll(() => rmSync(into, { recursive: true }));
    const inside = (path) => `/node_modules/${packed.packageName}/${path}`;

    test("the tarball carries licence, README, types and no test", () => {
      const files = packed.listFiles();
      for (const path of ["LICENSE", "README.md", "dist/index.js", "dist/index.d.ts"]) {
        expect(files).toContain(inside(path));
      }
      expect(files.filter((path) => /\.test\.|\/test\/|tsbuildinfo/.test(path))).toEqual([]);
      expect(packed.readFile(inside("LICENSE"))).toBe(readFileSync(join(root, "LICENSE"), "utf8"));
    });

    test("workspace: and catalog: are replaced by versions", () => {
      expect(packed.readFile(inside("package.json"))).not.toMatch(/"(workspace|catalog):/);
    });

    test("publint and attw judge it: tasks of the test commands, which find nothing or fail", () => {
      const { scripts } = readJson(join(folder, "package.json"));
      expect(scripts.publint).toBe("publint --strict");
      expect(scripts.attw).toBe("attw --pack . --profile esm-only --format ascii");
    });

    test("every entry with code has types in the tarball", () => {
      const { exports } = readJson(join(folder, "package.json"));
      const entries = Object.values(exports).filter((entry) => typeof entry === "object");
      expect(entries.length).toBeGreaterThan(0);
      const files = packed.listFiles();
      for (const { types } of entries) expect(files).toContain(inside(types.replace(/^\.\//, "")));
    });
  },
);
