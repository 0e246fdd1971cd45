// Lists and packs the packages that a user can install: those of packages/ that are not private.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** @returns {{ name: string, folder: string, manifest: Record<string, any>, entries: string[] }[]} */
export function publishable(root = ROOT) {
  return readdirSync(join(root, "packages"))
    .map((name) => join(root, "packages", name))
    .filter((folder) => existsSync(join(folder, "package.json")))
    .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) }))
    .filter(({ manifest }) => !manifest.private)
    .map(({ folder, manifest }) => ({ name: manifest.name, folder, manifest, entries: entries(manifest) }));
}

/** Returns what a user may import, such as "@dlrt/core/host", without patterns, data, types and the scripts of workers. */
export function entries({ name, exports }) {
  return Object.entries(exports ?? {})
    .filter(([path, target]) => !/\*|\/worker$/.test(path) && /\.m?js$/.test(resolveTarget(target) ?? ""))
    .map(([path]) => name + path.slice(1));
}

/** Returns the file that these conditions choose, undefined where there is none. */
export function resolveTarget(target, conditions = ["import", "default"]) {
  if (typeof target !== "object" || target === null) return target ?? undefined;
  for (const [condition, inner] of Object.entries(target)) {
    const found = conditions.includes(condition) ? resolveTarget(inner, conditions) : undefined;
    if (found) return found;
  }
  return undefined;
}

/** Runs pnpm, in the version that the workspace names. */
export function pnpm(args, { cwd = ROOT, env = {} } = {}) {
  const { packageManager } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  return command("npx", ["-y", packageManager, ...args], { cwd, env });
}

/** Runs a command to its end, and returns what it printed. @throws Error with all that it printed, where it fails */
export async function command(file, args, { cwd, env = {} }) {
  try {
    const { stdout } = await run(file, args, {
      cwd,
      env: { ...process.env, ...env },
      maxBuffer: 2 ** 28,
      shell: process.platform === "win32",
    });
    return stdout;
  } catch (error) {
    throw new Error(`${file} ${args.join(" ")}\n${error.stdout ?? ""}${error.stderr ?? ""}${error.message}`, {
      cause: error,
    });
  }
}

/** Packs every publishable package as `pnpm publish` would. @returns the tarballs' paths by the packages' names */
export async function packAll(into, root = ROOT) {
  mkdirSync(into, { recursive: true });
  const packages = publishable(root);
  const filters = packages.flatMap(({ name }) => ["--filter", name]);
  await pnpm([...filters, "-r", "pack", "--pack-destination", into], { cwd: root });
  return Object.fromEntries(
    packages.map(({ name, manifest: { version } }) => [
      name,
      join(into, `${name.replace("@", "").replace("/", "-")}-${version}.tgz`),
    ]),
  );
}
