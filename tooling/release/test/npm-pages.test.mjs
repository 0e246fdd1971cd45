// Checks the READMEs as npm shows them, and as somebody follows them who has only an empty folder.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { programs, runProgram } from "@dlrt/readme";
import { expect, test } from "vitest";
import { ROOT, publishable } from "../packages.mjs";

/** Returns the anchor that npm and GitHub make of a heading. */
const anchorOf = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

test.each(publishable())(
  "every link of $name's README works on npm's page, which knows no other file",
  ({ folder }) => {
    const prose = readFileSync(join(folder, "README.md"), "utf8").replace(/^```[\s\S]*?^```$/gm, "");
    const headings = [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading));
    const targets = [...prose.matchAll(/\]\(([^)\s]+)\)|\s(?:src|href)="([^"]+)"/g)].map(
      ([, link, attribute]) => link ?? attribute,
    );
    const dead = targets.filter((to) =>
      to.startsWith("#") ? !headings.includes(to.slice(1)) : !/^https:\/\/[^/]+\.[a-z]+\//.test(to),
    );
    expect(dead).toEqual([]);
  },
);

const texts = ["README.md", "apps/docs/pages/index.md", "apps/docs/pages/quickstart.md"].map((path) =>
  join(ROOT, path),
);
const readmes = publishable().map(({ folder }) => join(folder, "README.md"));

test.each([...texts, ...readmes])("%s says what a program must be before its first one", (path) => {
  const text = readFileSync(path, "utf8");
  const before = text.split("\n").slice(0, programs(text)[0].line).join(" ");
  expect(before).toMatch(/`program\.mjs`,? or as `\.js` where package\.json has `"type": "module"`/);
});

test("which is so: in a folder that npm init made, of CommonJS", async () => {
  const [{ code, output }] = programs(readFileSync(join(ROOT, "packages/backend-js/README.md"), "utf8"));
  const folder = mkdtempSync(join(tmpdir(), "dlrt-module-"));
  const run = (file) => runProgram("", { cwd: folder, command: [process.execPath, "--no-warnings", file] });
  try {
    for (const name of ["core", "backend-js"]) {
      const link = join(folder, "node_modules/@dlrt", name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(ROOT, "packages", name), link, "junction");
    }
    for (const file of ["program.mjs", "program.js"]) writeFileSync(join(folder, file), code);
    writeFileSync(join(folder, "package.json"), '{ "type": "commonjs" }');
    expect(await run("program.mjs")).toBe(output);
    await expect(run("program.js")).rejects.toThrow(/import statement outside a module/);
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    expect(await run("program.js")).toBe(output);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
