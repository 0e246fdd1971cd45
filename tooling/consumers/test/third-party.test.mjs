// A third party's backend: the example of @dlrt/conformance, built and judged outside the workspace from what is installed.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { runProgram } from "@dlrt/readme";
import { ROOT, command } from "@dlrt/release/packages";
import { beforeAll, expect, inject, test } from "vitest";

const folder = join(inject("user"), "third-party");
const example = join(ROOT, "packages/conformance/examples/plain-backend.ts");
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");

const judge = (create) => `
import { runSuites } from "@dlrt/conformance";
import { createPlainBackend } from "./plain-backend.js";
const create = ${create};
const { passed, failures } = await runSuites(create, { cases: 2, seed: 7, maxN: 70, maxWork: 2 ** 11 });
console.log(JSON.stringify({ passed, failures: failures.map(({ name }) => name) }));`;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  copyFileSync(example, join(folder, "plain-backend.ts"));
  const compilerOptions = {
    strict: true,
    skipLibCheck: false,
    module: "nodenext",
    target: "es2022",
    types: [],
  };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions, files: ["plain-backend.ts"] }),
  );
  await command(process.execPath, [tsc, "-p", folder], { cwd: folder });
});

test("it compiles, and passes the suite", async () => {
  const report = JSON.parse(await runProgram(judge("createPlainBackend"), { cwd: folder }));
  expect(report.failures).toEqual([]);
  expect(report.passed).toBeGreaterThan(50);
});

test("with a wrong kernel it does not", async () => {
  const wrong = `() => {
    const backend = createPlainBackend();
    const { rowDot, ...others } = backend.kernels;
    const kernels = { ...others, rowDot: (p) => rowDot({ ...p, alpha: -p.alpha }) };
    return Object.defineProperty(backend, "kernels", { value: kernels });
  }`;
  const { failures } = JSON.parse(await runProgram(judge(wrong), { cwd: folder }));
  expect(failures).not.toEqual([]);
  expect(failures.filter((name) => !/rowDot|gradient|vjp/i.test(name))).toEqual([]);
});
