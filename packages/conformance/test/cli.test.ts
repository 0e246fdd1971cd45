/** The program as users run it. How it stands backends that break a run is tested in `cli-broken.test.ts`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Report } from "../src/index.js";
import { commandWith, example, root, small } from "./command.js";

const modules = {
  "wrong.mjs": `
    import { createPlainBackend } from "./plain-backend.js";
    export function createWrong() {
      const backend = createPlainBackend();
      const { rowDot, ...others } = backend.kernels;
      const kernels = { ...others, rowDot: (p) => rowDot({ ...p, alpha: -p.alpha }) };
      return Object.defineProperty(backend, "kernels", { value: kernels });
    }
    export function createLess() {
      const backend = createPlainBackend();
      const supports = { ...backend.supports, dtypes: ["f32"], missing: ["inverse"] };
      return Object.defineProperty(backend, "supports", { value: supports });
    }
    export const make = () => ({ name: "nothing" });
    export const refused = () => { throw new Error("no such device\\nat all"); };`,
  "busy.mjs": `
    import { createPlainBackend } from "./plain-backend.js";
    export const other = 1;
    export default () => (setInterval(() => {}, 1000), createPlainBackend());`,
  "empty.mjs": "export const create = 1;",
  "broken.mjs": "import 'no-such-package';",
};

const { folder, run } = commandWith(modules);

test("a right backend: the report, JSON and badges; quiet in a pipe; exit code 0", async () => {
  const files = ["--json", "report.json", "--markdown", "badges.md"];
  const only = ["--only", "solve", "upload", "order"];
  const { code, stdout, stderr } = await run("--backend", "./plain-backend.js", ...small, ...only, ...files);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^plain \(plain loops\): \d+ tests passed, 0 failed, 0 not run; .* seed 7\n/);
  expect(stdout).toMatch(/^solve +f32 +\d+ +\d\.\d\d ≤ 16/m);
  const report = JSON.parse(readFileSync(join(folder(), "report.json"), "utf8")) as Report;
  expect(report).toMatchObject({ backend: { name: "plain" }, seed: 7, failures: [], notRun: [] });
  expect(report.passed).toBeGreaterThan(10);
  const badges = readFileSync(join(folder(), "badges.md"), "utf8");
  expect(badges).toContain(`| plain (plain loops) | ✅ ${report.passed} | 0 | 0 | 0 | ${report.cases} | 7 |`);
  expect(badges).toMatch(/^\| solve \| \d\.\d\d ≤ 16 \| \d\.\d\d ≤ 16 \|$/m);
}, 60_000);

test("a wrong one: exit code 1, and the case that failed is named", async () => {
  const { code, stdout } = await run(
    ...["--backend", "./wrong.mjs#createWrong", ...small, "--only", "rowDot", "solve › f32: any problem"],
  );
  expect(code).toBe(1);
  expect(stdout).toMatch(/^FAILED gradients › .*rowDot/m);
  expect(stdout).not.toContain("FAILED solve");
}, 60_000);

test("what is not supported is no failure, and is told from what was skipped", async () => {
  const { code, stdout } = await run(
    ...["--backend", "./wrong.mjs#createLess", ...small, "--markdown", "-"],
    ...["--only", "inverse › f32: any problem", "order", "apply › f64: any problem", "--skip", "snapshot"],
  );
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\| plain \(plain loops\) \| ✅ \d+ \| 0 \| 2 \| 1 \| \d+ \| 7 \|$/m);
  expect(stdout).toMatch(/^\| backend \|/);
}, 60_000);

test("a default export; a backend that leaves a timer behind does not keep the program", async () => {
  const { code, stdout } = await run("--backend", "busy.mjs", ...small, "--only", "order", "--json", "-");
  expect(code).toBe(0);
  expect((JSON.parse(stdout) as Report).passed).toBeGreaterThan(0);
}, 60_000);

test("--list names cases and needs no backend; --help shows examples", async () => {
  const [list, help] = await Promise.all([run("--list", "--only", "order"), run("--help")]);
  expect([list.code, help.code]).toEqual([0, 0]);
  const lines = list.stdout.trim().split("\n");
  expect(lines.length).toBeGreaterThan(1);
  expect(lines.filter((line) => !line.startsWith("order › "))).toEqual([]);
  expect(help.stdout).toContain("npx @dlrt/conformance --backend ./my-backend.js\n");
});

test.concurrent.each([
  [
    "no module of that name",
    ["--backend", "./none.js"],
    /^error: cannot load \.\/none\.js: Cannot find module \S+none\.js'$/m,
  ],
  [
    "no package of that name",
    ["--backend", "no-such-package"],
    /^error: cannot load no-such-package: Cannot find/,
  ],
  ["a module that does not load", ["--backend", "./broken.mjs"], /^error: cannot load .*'no-such-package'/],
  ["no factory", ["--backend", "./empty.mjs"], /^error: \.\/empty\.mjs exports no factory/],
  ["two factories", ["--backend", "./wrong.mjs"], /^error: .* exports createLess and createWrong; choose/],
  [
    "an export that is not there",
    ["--backend", "./wrong.mjs#made"],
    /^error: .* exports no function made; its functions: createLess, createWrong, make, refused$/m,
  ],
  ["no backend", ["--backend", "./wrong.mjs#make"], /^error: make\(\) of .* makes no backend/],
  ["a factory that throws", ["--backend", "./wrong.mjs#refused"], /^error: .* failed: no such device\n$/],
  ["nothing left to run", ["--list", "--only", "no such case"], /^error: no case is left/],
  ["nothing to judge", [], /^error: --backend is missing/],
  ["a number that is none", ["--cases", "few"], /^error: .* Expected a whole number of at least 1\./],
  ["an unknown option", ["--frobnicate"], /^error: unknown option '--frobnicate'/],
  ["an argument too many", ["--list", "x"], /^error: too many arguments/],
])(
  "exit code 2: %s",
  async (_, args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  },
  60_000,
);

test("the README's walk-through is the example, word for word", () => {
  const readme = readFileSync(join(root, "README.md"), "utf8").replaceAll("\r\n", "\n");
  const [, block] = /^```ts my-backend\.ts\n([\s\S]*?)^```$/m.exec(readme)!;
  expect(block).toBe(readFileSync(example, "utf8").replaceAll("\r\n", "\n"));
});

test("--layers judges the layers in place of the kernels", async () => {
  const only = ["--layers", "--only", "exact class › f32: gatedDeltaRule"];
  const { code, stdout } = await run("--backend", "./plain-backend.js", ...small, ...only);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^layers, exact class +f32 +\d+ +held$/m);
  expect(stdout).not.toContain("solve");
}, 60_000);
