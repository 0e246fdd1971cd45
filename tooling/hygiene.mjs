// Looks for what no tracked file may hold: URLs in the lockfile, and the host of anybody's own package registry.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const LOCKFILES = new Set(["pnpm-lock.yaml", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock"]);
const PUBLIC_OR_LOOPBACK = /^(registry\.npmjs\.org|localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** Returns the hosts of package registries, without public ones and those on loopback. @param urls are those that npm and pnpm are set to */
export function privateHosts(urls) {
  return urls
    .map((url) => (URL.canParse(url) ? new URL(url).host : ""))
    .filter((host) => host !== "" && !PUBLIC_OR_LOOPBACK.test(host));
}

/**
 * Returns the faults of one file.
 * @param {string} path is relative to the repository's root
 * @param {string} text is the file's content
 * @param {string[]} hosts must not appear in it
 * @returns {string[]} a line for each fault, which names the place but never the host
 */
export function faultsIn(path, text, hosts) {
  const name = basename(path);
  if (name === ".npmrc" && /^\s*([^#;=]*:)?registry\s*=/m.test(text)) return [`${path}: sets a registry`];
  const faults = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (LOCKFILES.has(name) && /https?:\/\/|\btarball:/.test(line)) {
      faults.push(
        `${path}:${index + 1}: a URL in the lockfile; install with lockfile-include-tarball-url=false`,
      );
    } else if (hosts.some((host) => line.includes(host))) {
      faults.push(`${path}:${index + 1}: the host of the registry in use here`);
    }
  }
  return faults;
}

function configuredRegistries(root) {
  const inEnvironment = Object.entries(process.env)
    .filter(([name]) => /registry$/i.test(name))
    .map(([, value]) => value ?? "");
  const config = execFileSync("npm", ["config", "get", "registry"], {
    cwd: root,
    encoding: "utf8",
    shell: process.platform === "win32",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return [...inEnvironment, config.trim()];
}

/** Returns the faults of all tracked files below `root`. */
export function checkTracked(root) {
  const hosts = privateHosts(configuredRegistries(root));
  const paths = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" }).split("\0");
  return paths
    .filter((path) => path !== "" && existsSync(join(root, path)))
    .flatMap((path) => faultsIn(path, readFileSync(join(root, path), "utf8"), hosts));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const faults = checkTracked(dirname(dirname(fileURLToPath(import.meta.url))));
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
