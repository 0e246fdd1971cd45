import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly platform: string;
}

export interface Environment {
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  /** The commit of the working tree that the bench runs from; null outside a git checkout. */
  readonly commit: string | null;
}

function git(...args: string[]): string | undefined {
  try {
    return execFileSync("git", args, {
      cwd: import.meta.dirname,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return undefined;
  }
}

function commit(): string | null {
  const head = git("rev-parse", "HEAD");
  if (head === undefined) return null;
  return git("status", "--porcelain", "--untracked-files=no") ? `${head} (changed)` : head;
}

function versionOf(name: string): string | undefined {
  try {
    const path = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
  } catch {
    return undefined;
  }
}

const PACKAGES = [
  "@dlrt/core",
  "@dlrt/backend-js",
  "@dlrt/backend-wasm",
  "@dlrt/backend-webgpu",
  "ml-matrix",
  "@stdlib/blas-base-dgemm",
  "@stdlib/blas-base-dtrsv",
];

export function environment(): Environment {
  const versions: Record<string, string> = { node: process.versions.node, v8: process.versions.v8 };
  for (const name of [...PACKAGES, "typescript"]) {
    const version = versionOf(name);
    if (version !== undefined) versions[name] = version;
  }
  return {
    machine: {
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      platform: `${process.platform} ${process.arch}`,
    },
    versions,
    commit: commit(),
  };
}
