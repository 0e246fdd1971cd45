// Refuses to publish anything from this machine unless the release workflow asks. The `prepublishOnly` of every package runs this file.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ownerFaults } from "./owner.mjs";
import { ROOT, publishable } from "./packages.mjs";

const LOOPBACK = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;
const ASKED = "DLRT_PUBLISH";

export function isLoopback(url) {
  return URL.canParse(url) && LOOPBACK.test(new URL(url).hostname);
}

/** Tells whether this runs in the one place that publishes: .github/workflows/release.yml on main, in the step that asks for it. */
export function inReleaseWorkflow(env) {
  return (
    env.GITHUB_ACTIONS === "true" &&
    env.GITHUB_WORKFLOW_REF?.endsWith("/.github/workflows/release.yml@refs/heads/main") === true &&
    env[ASKED] === "public"
  );
}

/**
 * Returns where a publish from `folder` would go, as npm and as pnpm see it, scoped settings included. The two read
 * different variables, so that it would be a leak if only one of them pointed elsewhere.
 * @returns {[from: string, url: string][]}
 */
export function targets(folder, env) {
  const ask = (client, key) => {
    const asked = execFileSync(client, ["config", "get", key], {
      cwd: folder,
      env,
      encoding: "utf8",
      shell: process.platform === "win32",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return [`${client} ${key}`, asked.trim()];
  };
  const variables = Object.entries(env).filter(([name]) => /^p?npm_config_(@dlrt:)?registry$/i.test(name));
  const scoped = [ask("npm", "@dlrt:registry")].filter(([, url]) => url !== "undefined" && url !== "");
  const required = ["npm_config_registry", "pnpm_config_registry"]
    .filter((name) => !variables.some(([there]) => there.toLowerCase() === name))
    .map((name) => [name, ""]);
  return [ask("npm", "registry"), ...scoped, ...variables, ...required];
}

/** Returns what speaks against publishing, a line for each fault. Hosts are never named. */
export function faults(found, manifests, env) {
  if (inReleaseWorkflow(env)) return [];
  const elsewhere = found
    .filter(([, url]) => !isLoopback(url))
    .map(([from, url]) => `${from} ${url === "" ? "is not set" : "is not on loopback"}`);
  const pinned = manifests
    .filter(({ publishConfig }) => publishConfig?.registry && !isLoopback(publishConfig.registry))
    .map(({ name }) => `${name}: publishConfig.registry is not on loopback`);
  return [...elsewhere, ...pinned];
}

/** @throws Error unless everything points at loopback, or the release workflow asks and npm would take what it publishes */
export function guard(folder = process.cwd(), env = process.env) {
  const manifests = publishable().map(({ manifest }) => manifest);
  const real = inReleaseWorkflow(env);
  const found = real ? [] : targets(folder, env);
  const against = real ? ownerFaults(ROOT, env) : faults(found, manifests, env);
  if (against.length === 0) return;
  throw new Error(
    `refusing to publish:\n  ${against.join("\n  ")}\n` +
      "Rehearse with `pnpm release:dry`; real releases come from .github/workflows/release.yml alone.",
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    guard();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
