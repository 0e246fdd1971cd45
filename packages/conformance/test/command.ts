/** Runs the program as users do: in a process of its own, in a folder that holds the example as tsc compiles it. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";

export const root: string = fileURLToPath(new URL("../", import.meta.url));
export const example: string = join(root, "examples/plain-backend.ts");
export const small = ["--cases", "2", "--seed", "7", "--max-n", "70", "--max-work", "2048"];
const cli = join(root, "dist/cli.js");
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function node(cwd: string, args: readonly string[]): Promise<Outcome> {
  const env = { ...process.env, DLRT_CONFORMANCE_CASES: "", DLRT_CONFORMANCE_SEED: "" };
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** Makes the folder before the tests of a file, with these modules beside `plain-backend.js`, and deletes it after them. */
export function commandWith(modules: Readonly<Record<string, string>>): {
  readonly folder: () => string;
  readonly run: (...args: string[]) => Promise<Outcome>;
} {
  let folder: string;
  beforeAll(async () => {
    mkdirSync(join(root, "test-results"), { recursive: true });
    folder = mkdtempSync(join(root, "test-results", "cli-"));
    const options = [
      "--module",
      "nodenext",
      "--target",
      "es2022",
      "--strict",
      "--types",
      "",
      "--ignoreConfig",
    ];
    const { code, stdout } = await node(folder, [tsc, example, ...options, "--outDir", folder]);
    if (code !== 0) throw new Error(stdout);
    for (const [name, text] of Object.entries(modules)) writeFileSync(join(folder, name), text);
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return { folder: () => folder, run: (...args) => node(folder, [cli, ...args]) };
}
