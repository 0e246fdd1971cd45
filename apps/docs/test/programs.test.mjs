import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fences, programs, runProgram } from "@dlrt/readme";
import { expect, test } from "vitest";

const docs = fileURLToPath(new URL("../", import.meta.url));
const pages = readdirSync(join(docs, "pages")).filter((file) => file.endsWith(".md"));
const read = (page) => readFileSync(join(docs, "pages", page), "utf8");
const runnable = pages.flatMap((page) => programs(read(page)).map((program) => ({ page, ...program })));

test("there are programs to run", () => expect(runnable.length).toBeGreaterThan(6));

test.concurrent.each(runnable)("$page:$line prints what it says", async ({ code, output }) => {
  expect(await runProgram(code, { cwd: docs })).toBe(output);
});

// In blocks of JavaScript only these errors count, which are of names and of numbers of arguments: inference takes `shape: [1, n, r]` for
// number[], and the programs among them are run besides.
const NAMES = /error TS(2304|2305|2307|2339|2551|2552|2554|2724):/;

test("every block of code compiles, those that need a device included", async () => {
  const folder = join(docs, "generated/blocks");
  mkdirSync(folder, { recursive: true });
  const files = pages.flatMap((page) =>
    fences(read(page))
      .filter(({ language }) => language === "js" || language === "ts")
      .map(({ language, line, code }) => {
        const file = `${page}-${line}.${language === "ts" ? "mts" : "mjs"}`;
        writeFileSync(join(folder, file), code);
        return file;
      }),
  );
  const compilerOptions = {
    module: "nodenext",
    target: "es2022",
    lib: ["es2022", "dom", "dom.iterable"],
    types: ["node"],
    allowJs: true,
    checkJs: true,
    strict: true,
    noImplicitAny: false,
    skipLibCheck: true,
    noEmit: true,
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  // The compiler is that of the repository's root, which is native: it takes a seventh of the time of the one that typedoc needs in this package.
  const root = createRequire(new URL("../../../package.json", import.meta.url));
  const tsc = join(dirname(root.resolve("typescript/package.json")), "bin/tsc");
  const said = await new Promise((resolve) => {
    execFile(process.execPath, [tsc, "-p", folder, "--pretty", "false"], { cwd: folder }, (_, out) =>
      resolve(out),
    );
  });
  const errors = said.split("\n").filter((line) => / error TS/.test(line));
  expect(errors.filter((line) => /\.mts\(|^error/.test(line) || NAMES.test(line))).toEqual([]);
});
