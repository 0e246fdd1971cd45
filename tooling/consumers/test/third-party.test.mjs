// Builds and judges a third party's backend outside the workspace, with the installed packages: that of the walk-through in the README of
// @dlrt/conformance.
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fences } from "@dlrt/readme";
import { command } from "@dlrt/release/packages";
import { beforeAll, expect, inject, test } from "vitest";

const user = inject("user");
const folder = join(user, "third-party");
const installed = join(user, "node_modules/@dlrt/conformance");
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");

/** Runs `npx @dlrt/conformance --backend file`, without npx, since the package is there already. */
function judge(file) {
  const suite = ["--cases", "2", "--seed", "7", "--max-n", "70", "--max-work", "2048"];
  const args = [join(installed, "dist/cli.js"), "--backend", `./${file}`, ...suite, "--json", "report.json"];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder }, (error, printed) =>
      resolve({
        code: error ? error.code : 0,
        printed,
        report: JSON.parse(readFileSync(join(folder, "report.json"), "utf8")),
      }),
    );
  });
}

beforeAll(async () => {
  const readme = readFileSync(join(installed, "README.md"), "utf8");
  const { code } = fences(readme).find(({ name }) => name === "my-backend.ts");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "my-backend.ts"), code);
  const compilerOptions = {
    strict: true,
    skipLibCheck: false,
    module: "nodenext",
    target: "es2022",
    types: [],
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["my-backend.ts"] }));
  await command(process.execPath, [tsc, "-p", folder], { cwd: folder });
});

test("it compiles, and passes the suite", async () => {
  const { code, printed, report } = await judge("my-backend.js");
  expect(report.failures).toEqual([]);
  expect(report.passed).toBeGreaterThan(50);
  expect(printed).toContain(`${report.passed} tests passed, 0 failed`);
  expect(code).toBe(0);
});

test("with a wrong kernel it does not", async () => {
  const wrong = `
import { createPlainBackend } from "./my-backend.js";
export function createWrongBackend() {
  const backend = createPlainBackend();
  const { rowDot, ...others } = backend.kernels;
  const kernels = { ...others, rowDot: (p) => rowDot({ ...p, alpha: -p.alpha }) };
  return Object.defineProperty(backend, "kernels", { value: kernels });
}
`;
  writeFileSync(join(folder, "wrong-backend.js"), wrong);
  const { code, report } = await judge("wrong-backend.js");
  const names = report.failures.map(({ name }) => name);
  expect(names).not.toEqual([]);
  expect(names.filter((name) => !/rowDot|gradient|vjp/i.test(name))).toEqual([]);
  expect(code).toBe(1);
});
