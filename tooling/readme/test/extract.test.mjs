import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fences, installLine, nodeForm, programs, runProgram, runReadme } from "../extract.mjs";

const page = [
  "    npm install @dlrt/core @dlrt/backend-js",
  "```js",
  "console.log(1 + 1);",
  "```",
  "",
  "```text",
  "2",
  "```",
  "```js",
  "never run: prose stands between",
  "```",
  "and",
  "```text",
  "3",
  "```",
  "````md",
  "```js",
  "nested",
  "```",
  "````",
].join("\n");

test("a program is a js block directly followed by its output", () => {
  expect(programs(page)).toEqual([{ code: "console.log(1 + 1);", output: "2", line: 2 }]);
});

test("fences nest by length, and keep name and line", () => {
  expect(fences(page).map((f) => f.language)).toEqual(["js", "text", "js", "text", "md"]);
  expect(fences("```js a.js\nx\n```")[0]).toEqual({
    language: "js",
    name: "a.js",
    line: 1,
    end: 3,
    code: "x",
  });
  expect(() => fences("```js\nx")).toThrow("line 1");
});

test("the install line names the packages", () => {
  expect(installLine(page)).toEqual(["@dlrt/core", "@dlrt/backend-js"]);
  expect(installLine("no such line")).toEqual([]);
  const two = "    npm install a b\n    npm install webgpu@0.6.2   # for Node only\n\nnpm install c";
  expect(installLine(two)).toEqual(["a", "b", "webgpu@0.6.2", "c"]);
});

test("WebGPU comes from another entry in Node", () => {
  const page = 'import { x } from "@dlrt/backend-webgpu"; // or "@dlrt/backend-webgpu/node"';
  expect(nodeForm(page)).toBe(page.replace('gpu";', 'gpu/node";'));
  expect(nodeForm(nodeForm(page))).toBe(nodeForm(page));
});

test("programs run as modules; a failing one rejects with its error", async () => {
  expect(await runProgram("console.log(await Promise.resolve(5))")).toBe("5");
  await expect(runProgram("throw new Error('seen')")).rejects.toThrow("seen");
});

test("a README's programs are run one by one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dlrt-readme-"));
  try {
    writeFileSync(join(folder, "README.md"), page);
    expect(await runReadme(join(folder, "README.md"), { cwd: folder })).toEqual([
      { line: 2, expected: "2", printed: "2" },
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
