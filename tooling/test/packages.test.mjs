import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { filterProblems } from "@arethetypeswrong/core/problems";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));
const published = readdirSync(join(root, "packages"))
  .map((name) => join(root, "packages", name))
  .filter((folder) => existsSync(join(folder, "package.json")))
  .filter((folder) => !readJson(join(folder, "package.json")).private);

test("tooling depends on every published package, so that each is built before it is packed here", () => {
  const { devDependencies } = readJson(join(root, "tooling/package.json"));
  const names = published.map((folder) => readJson(join(folder, "package.json")).name);
  expect(Object.keys(devDependencies)).toEqual(expect.arrayContaining(names));
});

describe.each(published.map((folder) => [readJson(join(folder, "package.json")).name, folder]))(
  "%s",
  (_, folder) => {
    const into = mkdtempSync(join(tmpdir(), "pack-"));
    let tarball;
    let packed;
    beforeAll(() => {
      execFileSync("pnpm", ["pack", "--pack-destination", into], {
        cwd: folder,
        stdio: "ignore",
        shell: process.platform === "win32",
      });
      tarball = new Uint8Array(readFileSync(join(into, readdirSync(into)[0])));
      packed = createPackageFromTarballData(tarball);
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

    test("publint finds nothing", async () => {
      const { messages, pkg } = await publint({
        pack: { tarball: tarball.buffer },
        strict: true,
      });
      expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
    });

    test("types resolve for ESM in Node and bundlers", async () => {
      const analysis = await checkPackage(packed);
      expect(analysis.types).not.toBe(false);
      const esm = ["node16-esm", "bundler"].flatMap((resolutionKind) =>
        filterProblems(analysis, { resolutionKind }).map(({ kind, entrypoint }) => ({ kind, entrypoint })),
      );
      expect(esm).toEqual([]);
    });
  },
);
