import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** Where the command is called, and where its files go. */
export const folder = mkdtempSync(join(tmpdir(), "dlrt-bench-"));
afterAll(() => rmSync(folder, { recursive: true }));

export const main = join(import.meta.dirname, "../dist/command-line/main.js");

/** A run of a second or two. The time it may take is no limit, so that every sample is taken on a busy machine too. */
export const tiny = [
  "--backends",
  "js",
  "--n",
  "64",
  "--d",
  "8",
  "--heads",
  "2",
  "--repetitions",
  "3",
  "--seconds",
  "600",
  "--threads",
  "1",
];

// The runner's own wish for colours is not the user's.
const { FORCE_COLOR: _, ...environment } = process.env;

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Node with these arguments, to its end. */
export function node(args: readonly string[], env: object = {}): Ended {
  return spawnSync(process.execPath, args, {
    encoding: "utf8",
    cwd: folder,
    env: { ...environment, INIT_CWD: folder, ...env },
  });
}

export const bench = (...args: string[]): Ended => node([main, ...args]);

export const widest = (text: string): number => Math.max(...text.split("\n").map((line) => [...line].length));
